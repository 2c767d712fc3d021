// Shows the frames and figures that the page's process sends, in the format of stream/page/broadcast.py.

const LINE_PER_SIZE = 0.014;      // line width over the longer side of a person's box, as in stream/drawing/overlay.py
const LINE_PX = [1.5, 8];
const SURE = 0.6;                 // a keypoint with this score or more is drawn opaque
const OUTLINE = "rgb(12 14 18 / 65%)";
const RETRY_MS = [250, 500, 1000, 2000];

const find = (name, within = document) => within.querySelector(name);
const clamp = (x, [low, high]) => Math.min(Math.max(x, low), high);

let look = { edges: {}, palette: [], min_score: 0 };
let tiles = new Map();
let socket = null;
let failures = 0;

// ---- one camera

class Tile {
  constructor({ name, source }) {
    const root = find("#camera").content.firstElementChild.cloneNode(true);
    this.root = root;
    this.picture = find(".picture", root);
    this.skeletons = find(".skeletons", root);
    this.header = null;
    this.drawn = Promise.resolve();
    root.dataset.camera = name;
    find(".name > span", root).textContent = name;
    find(".source", root).textContent = source;
    find(".state", root).textContent = "connecting";
    this.skeletons.ariaLabel = `${name} with skeletons`;
    new ResizeObserver(() => this.drawSkeletons()).observe(this.skeletons);
    find("#cameras").append(root);
  }

  // Pictures are decoded in parallel and drawn in order.
  show(header, jpeg) {
    const decoded = createImageBitmap(new Blob([jpeg], { type: "image/jpeg" }));
    this.drawn = this.drawn.then(async () => this.draw(header, await decoded));
    return this.drawn;
  }

  draw(header, bitmap) {
    const { picture } = this;
    if (picture.width !== bitmap.width || picture.height !== bitmap.height) {
      picture.width = bitmap.width;
      picture.height = bitmap.height;
      this.root.style.setProperty("--aspect", header.width / header.height);
      find("#cameras").style.setProperty("--aspect", header.width / header.height);
    }
    picture.getContext("2d").drawImage(bitmap, 0, 0);
    bitmap.close();
    this.header = header;
    this.drawSkeletons();
    this.root.dataset.seq = header.seq;
  }

  drawSkeletons() {
    const { skeletons, header } = this;
    const width = Math.round(skeletons.clientWidth * devicePixelRatio);
    const height = Math.round(skeletons.clientHeight * devicePixelRatio);
    if (skeletons.width !== width || skeletons.height !== height) {
      skeletons.width = width;
      skeletons.height = height;
    }
    const canvas = skeletons.getContext("2d");
    canvas.clearRect(0, 0, width, height);
    if (!header) return;
    const scale = width / header.width;
    canvas.lineCap = "round";
    header.people.forEach((person, number) => drawPerson(canvas, person, person.id ?? number, scale));
  }

  showFigures({ state, reason, fps, latency_p50_ms: latency, people, drops }) {
    const { root } = this;
    const known = root.dataset.seq !== undefined || fps !== null;
    root.dataset.state = state;
    find(".state", root).textContent = state;
    find(".trouble", root).textContent = state === "live" ? "" : reason;
    find(".fps", root).textContent = fps === null ? "–" : fps.toFixed(1);
    find(".latency", root).replaceChildren(...(latency === null ? ["–"] : [latency.toFixed(latency < 10 ? 1 : 0), small(" ms")]));
    find(".people", root).textContent = known ? people : "–";
    const reasons = Object.entries(drops);
    const total = reasons.reduce((sum, [, count]) => sum + count, 0);
    const detail = reasons.map(([name, count]) => `${name.replaceAll("_", " ")} ${count.toLocaleString("en")}`).join(", ");
    const shown = reasons.length === 1 ? ` ${reasons[0][0].replaceAll("_", " ")}` : ` ${detail}`;
    find(".drops", root).replaceChildren(total.toLocaleString("en"), small(total ? shown : ""));
    find(".drops", root).title = detail;
  }
}

function small(text) {
  const element = document.createElement("small");
  element.textContent = text;
  return element;
}

// ---- one person

function drawPerson(canvas, person, identity, scale) {
  const colours = look.palette[identity % look.palette.length];
  const [left, top, right, bottom] = person.box_xyxy.map((x) => x * scale);
  const line = clamp(LINE_PER_SIZE * Math.max(right - left, bottom - top), LINE_PX.map((px) => px * devicePixelRatio));
  // Pixel centres are integers in a message, and half-way between integers on a canvas.
  const points = person.keypoints.map(([x, y, score]) => ({ x: (x + 0.5) * scale, y: (y + 0.5) * scale, score }));
  const shown = (point) => point.score >= look.min_score;
  const limbs = (look.edges[person.skeleton] ?? []).filter(([a, b]) => shown(points[a]) && shown(points[b]));
  const stroke = ([a, b], style, width) => {
    canvas.globalAlpha = opacity(Math.min(points[a].score, points[b].score));
    canvas.strokeStyle = style;
    canvas.lineWidth = width;
    canvas.beginPath();
    canvas.moveTo(points[a].x, points[a].y);
    canvas.lineTo(points[b].x, points[b].y);
    canvas.stroke();
  };
  for (const limb of limbs) stroke(limb, OUTLINE, line + 2 * devicePixelRatio);
  for (const limb of limbs) stroke(limb, colours[limb[2]], line);
  for (const { x, y, score } of points.filter(shown)) {
    canvas.globalAlpha = opacity(score);
    disc(canvas, x, y, line * 0.85 + devicePixelRatio, OUTLINE);
    disc(canvas, x, y, line * 0.85, "#fff");
  }
  canvas.globalAlpha = 1;
  if (person.id !== null) drawLabel(canvas, String(person.id), (left + right) / 2, top, colours.left);
}

function opacity(score) {
  const sure = Math.max(SURE, look.min_score + 0.01);
  return 0.3 + 0.7 * clamp((score - look.min_score) / (sure - look.min_score), [0, 1]);
}

function disc(canvas, x, y, radius, style) {
  canvas.fillStyle = style;
  canvas.beginPath();
  canvas.arc(x, y, radius, 0, 2 * Math.PI);
  canvas.fill();
}

// The identity on a plate above the person, kept inside the picture.
function drawLabel(canvas, text, x, y, colour) {
  const size = 13 * devicePixelRatio;
  canvas.font = `600 ${size}px system-ui, "DejaVu Sans", sans-serif`;
  const width = Math.max(canvas.measureText(text).width + size, 1.7 * size);
  const height = 1.5 * size;
  const left = clamp(x - width / 2, [0, Math.max(0, canvas.canvas.width - width)]);
  const top = clamp(y - height - 0.3 * size, [0, Math.max(0, canvas.canvas.height - height)]);
  canvas.fillStyle = colour;
  canvas.beginPath();
  canvas.roundRect(left, top, width, height, height / 2);
  canvas.fill();
  canvas.fillStyle = "#0b0e13";
  canvas.textAlign = "center";
  canvas.textBaseline = "middle";
  canvas.fillText(text, left + width / 2, top + height / 2 + size * 0.05);
}

// ---- the connection

const kinds = {
  hello(message) {
    look = message;
    find("#notice").textContent = message.notice;
    find("#notice").hidden = !message.notice;
    find("#cameras").replaceChildren();
    find("#cameras").dataset.count = message.cameras.length;
    tiles = new Map(message.cameras.map((camera) => [camera.name, new Tile(camera)]));
    connection("live", "connected");
  },

  status({ cameras }) {
    const all = Object.entries(cameras);
    for (const [name, figures] of all) tiles.get(name)?.showFigures(figures);
    const people = all.reduce((sum, [, figures]) => sum + (figures.state === "live" ? figures.people : 0), 0);
    const live = all.filter(([, figures]) => figures.state === "live").length;
    find("#summary").textContent =
      `${live} of ${all.length} ${all.length === 1 ? "camera" : "cameras"} live, ${people} ${people === 1 ? "person" : "people"}`;
  },
};

function connection(state, text) {
  find("#connection").dataset.state = state;
  find("#connection").textContent = text;
}

function connect() {
  if (socket || document.hidden) return;
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  socket = new WebSocket(`${scheme}://${location.host}/live`);
  socket.binaryType = "arraybuffer";
  const here = socket;
  here.onmessage = ({ data }) => {
    failures = 0;
    if (typeof data === "string") {
      const message = JSON.parse(data);
      kinds[message.kind]?.(message);
      return;
    }
    const length = new DataView(data).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
    tiles.get(header.camera).show(header, new Uint8Array(data, 4 + length)).then(() => {
      if (here.readyState === WebSocket.OPEN) here.send(header.camera);
    });
  };
  here.onclose = () => {
    if (socket !== here) return;
    socket = null;
    connection("lost", "posestream does not answer; trying again");
    setTimeout(connect, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
  };
}

// A hidden page disconnects, so that no pictures are encoded for it.
document.addEventListener("visibilitychange", () => {
  if (document.hidden && socket) {
    const closing = socket;
    socket = null;
    closing.close();
  }
  connect();
});
connect();
