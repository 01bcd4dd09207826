// Requests to the service. Paths are relative, so that the page works below any prefix of a reverse proxy.

export class Refused extends Error {
  constructor(status, error) {
    super(error.message);
    this.status = status;
    this.code = error.code;
  }
}

export class Offline extends Error {}

const ROW_LIMIT = 0.05; // the slider filters above it without another request
const TRIES = 8;

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

async function send(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Offline("The service does not answer.");
  }
}

// An answer; if the queue of the service is full, the request is repeated when the service says so.
async function request(path, options = {}) {
  for (let turn = 1; ; turn += 1) {
    const answer = await send(path, options);
    if (answer.ok) return answer;
    if ([502, 504].includes(answer.status) && !answer.headers.get("x-request-id")) throw new Offline("The service does not answer.");
    if (answer.status === 503 && turn < TRIES) {
      await wait(1000 * Math.min(5, Number(answer.headers.get("retry-after")) || 1));
      continue;
    }
    const body = await answer.json().catch(() => null);
    throw new Refused(answer.status, body?.error ?? { code: "unknown", message: `The service answered ${answer.status}.` });
  }
}

export const models = async () => (await request("v1/models")).json();

export const alive = () => send("v2/health/ready", { cache: "no-store" }).then((answer) => answer.ok, () => false);

export async function detect(blob, model, signal) {
  const started = performance.now();
  const query = new URLSearchParams({ model, min_score: ROW_LIMIT });
  const answer = await (await request(`v1/detect?${query}`, { method: "POST", body: blob, signal })).json();
  return { ...answer.images[0], request: answer.milliseconds, whole: performance.now() - started };
}

export async function explain(blob, model, prior) {
  const query = new URLSearchParams({ model, prior });
  return (await request(`v1/explain?${query}`, { method: "POST", body: blob })).json();
}

export async function drawn(blob, query) {
  return (await request(`v1/detect?${query}`, { method: "POST", body: blob })).blob();
}
