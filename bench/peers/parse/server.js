// Parse Server in Express, a worker for each core.
'use strict'
const cluster = require('node:cluster')
const express = require('express')
const { ParseServer } = require('parse-server')

const { HOST, PORT, DATABASE_URL, SECRET, WORKERS } = process.env

async function serve () {
  const parse = new ParseServer({
    databaseURI: DATABASE_URL,
    appId: 'bench',
    masterKey: SECRET,
    masterKeyIps: ['127.0.0.1'],
    serverURL: `http://${HOST}:${PORT}/parse`,
    allowClientClassCreation: false,
    directAccess: true,
    logLevel: 'error',
    silent: true
  })
  await parse.start()
  const app = express()
  app.use('/parse', parse.app)
  app.listen(Number(PORT), HOST)
}

if (cluster.isPrimary && Number(WORKERS) > 1) {
  for (let i = 0; i < Number(WORKERS); i++) cluster.fork()
} else {
  serve()
}
