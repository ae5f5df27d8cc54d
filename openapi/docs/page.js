"use strict";
// No validator badge: this page talks to nobody but its own server.
SwaggerUIBundle({
  url: document.getElementById("docs").dataset.document,
  domNode: document.getElementById("docs"),
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  validatorUrl: null,
});
