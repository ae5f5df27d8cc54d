// Fastify by hand: response schemas, so that JSON is written by compiled code, pg with
// named statements, a worker for each core.
'use strict'
const cluster = require('node:cluster')
const { randomUUID } = require('node:crypto')
const fastify = require('fastify')()
const stringifier = require('fast-json-stringify')
const { createVerifier } = require('fast-jwt')
const { Pool } = require('pg')

const workers = Number(process.env.WORKERS)
const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: Math.ceil(16 / workers) })
const verify = createVerifier({ key: process.env.SECRET, cache: true })

const columns = 'j.id, j.company, j.title, j.body, j.status, j.skills, j.salary_min, j.opens_at, j.created_at'
const page = ' ORDER BY j.created_at DESC, j.id DESC LIMIT 20'
const statements = {
  get: `SELECT ${columns} FROM jobs j WHERE id = $1`,
  list: `SELECT ${columns} FROM jobs j WHERE status = $1 AND salary_min >= $2${page}`,
  include: `SELECT ${columns}, c.name, c.country, c.size, c.created_at AS founded FROM jobs j JOIN companies c ON c.id = j.company WHERE status = $1 AND salary_min >= $2${page}`,
  deep: `SELECT ${columns} FROM jobs j WHERE (j.created_at, j.id) < ($1, $2)${page}`,
  own: `SELECT ${columns} FROM jobs j WHERE company = $1 AND status = $2${page}`,
  create: 'INSERT INTO applications (id, job, candidate_name, email, stage, created_at) VALUES ($1, $2, $3, $4, $5, $6)',
  update: `UPDATE jobs j SET title = $2 WHERE id = $1 RETURNING ${columns}`
}
const run = (name, ...values) => pool.query({ name, text: statements[name], values })

const text = { type: 'string' }
const whole = { type: 'integer' }
const moment = { type: 'string', format: 'date-time' }
const company = { type: 'object', properties: { id: text, created_at: moment, name: text, country: text, size: whole } }
const jobWith = company => ({
  type: 'object',
  properties: {
    id: text, created_at: moment, company, title: text, body: text, status: text,
    skills: { type: 'array', items: text }, salary_min: whole, opens_at: moment
  }
})
const pageOf = items => ({ type: 'object', properties: { items: { type: 'array', items }, next: text } })
const job = jobWith(text)
const application = {
  type: 'object',
  properties: { id: text, created_at: moment, job: text, candidate_name: text, email: text, stage: text }
}
const newApplication = {
  type: 'object',
  required: ['job', 'candidate_name', 'email'],
  properties: { job: { type: 'string', format: 'uuid' }, candidate_name: text, email: text }
}
const withCompanies = stringifier(pageOf(jobWith(company)))

const ended = rows => {
  const last = rows[rows.length - 1]
  return { items: rows, next: last && `${last.created_at.getTime()}_${last.id}` }
}

fastify.get('/v1/jobs/:id', { schema: { response: { 200: job } } }, async (request, reply) => {
  const { rows } = await run('get', request.params.id)
  return rows[0] ?? reply.code(404).send({ title: 'not found' })
})

fastify.get('/v1/jobs', { schema: { response: { 200: pageOf(job) } } }, async (request, reply) => {
  const query = request.query
  if (request.headers.authorization) {
    let caller
    try {
      caller = verify(request.headers.authorization.slice('Bearer '.length))
    } catch {
      return reply.code(401).send({ title: 'unauthorized' })
    }
    return ended((await run('own', caller.company, query.status)).rows)
  }
  if (query.cursor) {
    const [at, id] = query.cursor.split('_')
    return ended((await run('deep', new Date(Number(at)), id)).rows)
  }
  const salary = Number(query['salary_min.gte'] ?? 0)
  if (query.include !== 'company') {
    return ended((await run('list', query.status, salary)).rows)
  }
  const { rows } = await run('include', query.status, salary)
  for (const row of rows) {
    row.company = { id: row.company, created_at: row.founded, name: row.name, country: row.country, size: row.size }
  }
  reply.serializer(withCompanies)
  return ended(rows)
})

fastify.post('/v1/applications', { schema: { body: newApplication, response: { 201: application } } }, async (request, reply) => {
  const { job, candidate_name, email } = request.body
  const made = { id: randomUUID(), created_at: new Date(), job, candidate_name, email, stage: 'new' }
  await run('create', made.id, made.job, made.candidate_name, made.email, made.stage, made.created_at)
  return reply.code(201).send(made)
})

fastify.patch('/v1/jobs/:id', { schema: { response: { 200: job } } }, async (request, reply) => {
  const { rows } = await run('update', request.params.id, request.body.title)
  return rows[0] ?? reply.code(404).send({ title: 'not found' })
})

if (cluster.isPrimary && workers > 1) {
  for (let i = 0; i < workers; i++) cluster.fork()
} else {
  fastify.listen({ host: process.env.HOST, port: Number(process.env.PORT) })
}
