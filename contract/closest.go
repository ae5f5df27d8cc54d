package contract

// Closest is the name among those given that name was probably meant to be, ""
// when none is near.
func Closest(name string, among []string) string { return nearest(name, among) }
