// Package floors holds the house together: which room may import which, and how
// large a function, an interface and a door may grow. It is a statement of
// policy that runs as a test; nothing in the program uses it.
package floors
