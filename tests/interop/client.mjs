// A client of mlv in stock tools of another language: @grpc/grpc-js reads the published .proto, @noble/hashes has
// BLAKE3. docs/wire.md explains each step. It prints what it saw as JSON.
//   node client.mjs PROTO_DIR HOST:PORT FINGERPRINT REPOSITORY PATH REVISION OUTPUT NEW_FILE    (token in MLV_TOKEN)
import { createHash, randomUUID } from "node:crypto";
import { createWriteStream, readFileSync } from "node:fs";
import { once } from "node:events";
import { hostname } from "node:os";
import grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { blake3 } from "@noble/hashes/blake3.js";

const [protoDir, target, fingerprint, repository, path, revision, output, newFile] = process.argv.slice(2);
const files = ["server", "identity", "repositories", "history", "locks", "content", "commits"];
const definition = loadSync(
  files.map((name) => `mlv_proto/v1/${name}.proto`),
  { includeDirs: [protoDir], longs: Number, enums: String, defaults: true },
);
const { v1 } = grpc.loadPackageDefinition(definition).mlv;
const RAW = [0];

// --- calls ---------------------------------------------------------------------------------------------------------

const metadata = new grpc.Metadata();

// One message each way. A stream of one message is the same bytes, so this also calls the methods whose requests and
// answers may be cut into several, as long as this client's are short.
function unary(service, method, request) {
  const { path: name, requestSerialize, responseDeserialize } = service[method];
  const options = { deadline: Date.now() + 30_000 };
  return new Promise((resolve, reject) => {
    const done = (error, answer) => (error ? reject(named(error)) : resolve(answer));
    service.makeUnaryRequest(name, requestSerialize, responseDeserialize, request, metadata, options, done);
  });
}

// A list of any length: its entries come in as many messages as they need.
async function list(service, method, request, field) {
  const found = [];
  for await (const answer of service[method](request, metadata)) found.push(...answer[field]);
  return found;
}

// The server's own account of a failure: an ErrorDetail in the binary trailer `mlv-error-bin`.
function named(error) {
  const [detail] = error.metadata?.get("mlv-error-bin") ?? [];
  return detail ? Object.assign(error, { detail: detail.toString("utf8") }) : error;
}

// --- trust: the fingerprint is the SHA-256 of the authority's certificate ----------------------------------------------

async function trusted() {
  const blind = grpc.credentials.createSsl(null, null, null, { rejectUnauthorized: false });
  const server = new v1.ServerService(target, blind);
  const { certificateAuthority, version } = await unary(server, "GetServer", {});
  server.close();
  const shown = createHash("sha256").update(certificateAuthority).digest("hex");
  if (`SHA256:${shown}` !== fingerprint) throw new Error(`the server shows ${shown}`);
  const lines = certificateAuthority.toString("base64").match(/.{1,64}/g).join("\n");
  const pem = `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
  return { version, credentials: grpc.credentials.createSsl(Buffer.from(pem)) };
}

// --- download: a client that knows only codec 0 is sent plain bytes -------------------------------------------------

async function download(content, changeset, wanted) {
  const plan = content.PlanDownload(metadata);
  plan.write({ repository, target: changeset, paths: [wanted], codecs: RAW });
  plan.end();
  for await (const part of plan) {
    const row = part.changes.paths.indexOf(wanted);
    if (row < 0) continue;
    const plain = await ranges(content, changeset, part.ranges);
    const out = createWriteStream(output);
    const hash = blake3.create();
    part.pieceRows.forEach((of, piece) => {
      if (of !== row) return;
      const segment = part.pieceSegments[piece];
      const start = part.segmentOffsets[segment] + part.pieceOffsets[piece];
      const data = plain[part.segmentRanges[segment] - 1].subarray(start, start + part.pieceLengths[piece]);
      hash.update(data);
      out.write(data);
    });
    out.end();
    await once(out, "finish");
    const expected = part.changes.hashes.subarray(32 * row, 32 * row + 32);
    if (!expected.equals(Buffer.from(hash.digest()))) throw new Error(`${wanted} did not arrive as it was committed`);
    return { size: part.changes.sizes[row], kinds: [...new Set(part.ranges.kinds)] };
  }
  throw new Error(`no ${wanted} in @${changeset}`);
}

async function ranges(content, changeset, wanted) {
  const received = [];
  for await (const { data } of content.GetRanges({ repository, changeset, ranges: wanted }, metadata)) {
    received.push(data);
  }
  const all = Buffer.concat(received);
  let at = 0;
  return wanted.lengths.map((length) => all.subarray(at, (at += length)));
}

// --- packs and recipes, byte by byte ---------------------------------------------------------------------------------

const SEGMENT = 1 << 20;
const u16 = (value) => Buffer.from(Uint16Array.of(value).buffer);
const u32 = (...values) => Buffer.from(Uint32Array.from(values).buffer);
const u64 = (...values) => Buffer.from(BigUint64Array.from(values.map(BigInt)).buffer);
const hashOf = (data) => Buffer.from(blake3(data));

function cut(data) {
  const segments = [];
  for (let at = 0; at < data.length; at += SEGMENT) segments.push(data.subarray(at, at + SEGMENT));
  return segments.map((plain) => ({ plain, hash: hashOf(plain) }));
}

// A file of plain segments: one stream, one run, no key.
function recipeOf(size, segments) {
  const count = segments.length;
  return Buffer.concat([
    Buffer.from("MLVR"), Buffer.from([1, 0, 0, 0]), u64(size), u32(count, 0, 1, 1, 0),
    ...segments.map(({ hash }) => hash),
    u32(...segments.map(({ plain }) => plain.length)),
    u32(...segments.map(() => 0)),
    Buffer.alloc(count),
    u64(size),
    u16(0),
  ]);
}

// Frames of one raw segment each; the pack's name is the hash of the frames' headers.
function packOf(segments) {
  const named = blake3.create({ context: Buffer.from("mlv v1 pack") });
  const parts = [Buffer.from("MLVP"), Buffer.from([1, 0, 0, 0])];
  const entries = [];
  for (const { plain, hash } of segments) {
    const header = Buffer.concat([
      Buffer.from("FR"), Buffer.from([0, 0]), u16(1), u16(0), u32(plain.length), u32(plain.length), hash,
    ]);
    named.update(header);
    parts.push(header, plain);
    entries.push(u32(header.length, plain.length));
  }
  const id = Buffer.from(named.digest());
  const footerLength = 8 + 8 * entries.length + 40;
  parts.push(Buffer.from("IX\0\0"), u32(entries.length), ...entries, id, u32(footerLength), Buffer.from("MLVE"));
  return { id, bytes: Buffer.concat(parts) };
}

function putPack(content, upload, pack) {
  const mine = metadata.clone();
  mine.set("mlv-repository", repository);
  mine.set("mlv-upload", upload);
  return new Promise((resolve, reject) => {
    const call = content.PutPack(mine, (error, answer) => (error ? reject(named(error)) : resolve(answer)));
    for (let at = 0; at < pack.length; at += SEGMENT) call.write({ data: pack.subarray(at, at + SEGMENT) });
    call.end();
  });
}

// --- a lock and a commit ------------------------------------------------------------------------------------------------

async function lockAndCommit(credentials, content, row, base) {
  const workspace = randomUUID();
  const branch = "main";
  const workspaces = new v1.WorkspacesService(target, credentials);
  await unary(workspaces, "RegisterWorkspace", { repository, id: workspace, host: hostname(), directory: "/", branch, base });
  metadata.set("mlv-workspace", workspace);

  const locks = new v1.LocksService(target, credentials);
  const asked = { repository, branch, workspace, mode: "LOCK_MODE_EXCLUSIVE", paths: [path], hashes: row.hash, bases: [base] };
  const [lock] = (await unary(locks, "AcquireLocks", asked)).locks;

  const data = readFileSync(newFile);
  const segments = cut(data);
  const recipe = recipeOf(data.length, segments);
  const changes = {
    paths: [path], operations: ["OPERATION_MODIFY"], fileIds: [row.fileId], modes: [row.mode], texts: [false],
    sizes: [data.length], hashes: hashOf(data),
  };
  const commits = new v1.CommitsService(target, credentials);
  const common = { repository, branch, workspace, changes, bases: [base], tokens: [lock.token] };
  const begun = await unary(commits, "Begin", { ...common, codecs: RAW });
  const all = [...segments, { plain: recipe, hash: hashOf(recipe) }];
  const { missing } = await unary(commits, "FindMissing", { repository, hashes: Buffer.concat(all.map(({ hash }) => hash)) });
  const pack = packOf(all.filter((_, index) => missing[index >> 3] & (1 << (index & 7))));
  const put = await putPack(content, begun.upload, pack.bytes);
  const published = await unary(commits, "Publish", {
    ...common, requestId: randomUUID(), upload: begun.upload, message: "from another language", preparedMin: base,
    preparedMax: base, contentHashes: changes.hashes, recipeHashes: hashOf(recipe),
    records: { params: [{ name: "lr", value: "1e-5", origin: "client.mjs" }] },
  });
  workspaces.close(); locks.close(); commits.close();
  return { token: lock.token, pack: put.pack.equals(pack.id), changeset: published.changeset, released: published.released };
}

// --- all of it ------------------------------------------------------------------------------------------------------------

const { version, credentials } = await trusted();
metadata.set("authorization", `Bearer ${process.env.MLV_TOKEN}`);
const identity = new v1.IdentityService(target, credentials);
const repositories = new v1.RepositoriesService(target, credentials);
const branches = new v1.BranchesService(target, credentials);
const history = new v1.HistoryService(target, credentials);
const content = new v1.ContentService(target, credentials, { "grpc.max_receive_message_length": 8 << 20 });

const { user } = await unary(identity, "WhoAmI", {});
const listed = (await list(repositories, "ListRepositories", {}, "repositories")).map(({ name }) => name);
const heads = (await list(branches, "ListBranches", { repository }, "branches")).map(({ name, head }) => [name, head]);
const { changeset } = await unary(history, "ResolveRevision", { repository, revision });
const rows = [];
for await (const { files: found } of history.ListFiles({ repository, changeset }, metadata)) {
  found.paths.forEach((name, row) => rows.push({
    path: name, size: found.sizes[row], fileId: found.fileIds[row], mode: found.modes[row],
    hash: found.hashes.subarray(32 * row, 32 * row + 32),
  }));
}
const downloaded = await download(content, changeset, path);
const committed = await lockAndCommit(credentials, content, rows.find((row) => row.path === path), changeset);
for (const service of [identity, repositories, branches, history, content]) service.close();
console.log(JSON.stringify({
  version, user, repositories: listed, branches: heads, changeset, files: rows.map((row) => [row.path, row.size]),
  downloaded, committed,
}));
