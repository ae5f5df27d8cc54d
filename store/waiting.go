package store

// Waiting waits for what comes next in a queue and takes what waits behind it, as many
// as the queue holds: so those who share a trip to a server never wait for each other.
// Nothing comes when closed does instead.
func Waiting[T any](queue <-chan T, closed <-chan struct{}, into []T) []T {
	select {
	case next := <-queue:
		into = append(into, next)
	case <-closed:
		return nil
	}
	for len(into) < cap(queue) {
		select {
		case next := <-queue:
			into = append(into, next)
		default:
			return into
		}
	}
	return into
}
