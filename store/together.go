package store

// Together hands whatever waits in a queue to carry, as many at once as the queue holds,
// until closed is: so those who share a trip to a server never wait for each other. The
// slice is carry's until it returns.
func Together[T any](queue <-chan T, closed <-chan struct{}, carry func([]T)) {
	var together []T
	for {
		select {
		case next := <-queue:
			together = append(together[:0], next)
		case <-closed:
			return
		}
		for more := true; more && len(together) < cap(queue); {
			select {
			case next := <-queue:
				together = append(together, next)
			default:
				more = false
			}
		}
		carry(together)
		clear(together)
	}
}
