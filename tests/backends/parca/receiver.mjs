// Receives what is pushed to Parca through its HTTP gateway, by the published schema (@parca/client). Each profile is
// checked as the server checks it and written as a line of JSON, in the same form as Pyroscope's receiver writes.
// Argument: the directory that gets received.jsonl and the address. The schema's own reader of JSON is stricter than the
// gateway: a field that Parca does not know is an error here.
import { appendFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Profile } from 'pprof-format';
import { WriteRawRequest } from '@parca/client/dist/parca/profilestore/v1alpha1/profilestore';
import { check, resolve } from './profile.mjs';

const MAX_MESSAGE = 64 << 20;
const directory = process.argv[2], out = join(directory, 'received.jsonl');

// gRPC's codes, and what the gateway makes of them.
const INVALID_ARGUMENT = [3, 400], RESOURCE_EXHAUSTED = [8, 429];

class Refused extends Error {
  constructor([code, status], message) {
    super(message);
    Object.assign(this, { code, status });
  }
}

const invalid = (message) => new Refused(INVALID_ARGUMENT, message);

function labelsOf(series) {
  if (!series.labels) throw invalid('a series has no label set: the server would crash');
  const labels = {};
  for (const { name, value } of series.labels.labels) {
    if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) throw invalid(`invalid label name: ${name}`);
    if (name in labels) throw invalid(`duplicate label name: ${name}`);
    labels[name] = value;
  }
  if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(labels.__name__ ?? '')) throw invalid('missing __name__ label');
  return labels;
}

function profileOf(sample) {
  const raw = Buffer.from(sample.rawProfile);
  const unpacked = raw[0] === 0x1f && raw[1] === 0x8b ? gunzipSync(raw) : raw;
  const profile = Profile.decode(unpacked);
  const wrong = check(profile);
  if (wrong) throw invalid(`invalid profile: ${wrong}`);
  return { bytes: unpacked.length, profile: resolve(profile) };
}

function receive(headers, body) {
  const request = WriteRawRequest.fromJsonString(body.toString('utf8'), { ignoreUnknownFields: false });
  const size = WriteRawRequest.toBinary(request).length;
  if (size > MAX_MESSAGE) throw new Refused(RESOURCE_EXHAUSTED, `received message larger than max (${size} vs. ${MAX_MESSAGE})`);
  const kept = Object.fromEntries(['content-type', 'content-encoding', 'user-agent']
    .filter((name) => headers[name]).map((name) => [name, headers[name]]));
  const received = request.series.flatMap((series) => {
    const labels = labelsOf(series);
    return series.samples.map((sample) => ({
      headers: kept, id: '', labels, normalized: request.normalized, ...profileOf(sample),
    }));
  });
  if (received.length === 0) throw invalid('nothing was sent');
  appendFileSync(out, received.map((one) => JSON.stringify(one) + '\n').join(''));
}

function answer(response, status, value) {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(value));
}

function handle(request, response) {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    if (request.method !== 'POST' || request.url !== '/api/profiles/writeraw') {
      return answer(response, 404, { code: 5, message: 'Not Found', details: [] });
    }
    try {
      receive(request.headers, Buffer.concat(chunks));
      answer(response, 200, {});
    } catch (error) {
      const [code, status] = error instanceof Refused ? [error.code, error.status] : INVALID_ARGUMENT;
      answer(response, status, { code, message: error.message, details: [] });
    }
  });
}

writeFileSync(out, '');
const server = createServer(handle);
server.listen(0, '127.0.0.1', () => writeFileSync(join(directory, 'address'), `127.0.0.1:${server.address().port}\n`));
