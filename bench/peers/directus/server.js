// Directus as its command line starts it, a worker for each core.
import cluster from 'node:cluster'

const { WORKERS } = process.env
const setup = process.argv[2] === 'setup'

if (cluster.isPrimary && !setup) {
  for (let i = 0; i < Number(WORKERS); i++) cluster.fork()
} else {
  process.argv[2] = setup ? 'bootstrap' : 'start'
  await import('@directus/api/cli/run.js')
}
