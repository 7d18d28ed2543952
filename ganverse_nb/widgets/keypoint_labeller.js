// A picture that can be clicked and zoomed: wheel zooms at the pointer, drag with shift moves, a click places a point.
function render({ model, el }) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = model.get("side");
  canvas.style.cursor = "crosshair";
  canvas.tabIndex = 0;
  el.appendChild(canvas);
  const context = canvas.getContext("2d");
  const picture = new Image();
  let zoom = 1, left = 0, top = 0, pointer = null; // left, top: of the part that is shown, in [0, 1]

  const clamp = () => {
    left = Math.min(Math.max(left, 0), 1 - 1 / zoom);
    top = Math.min(Math.max(top, 0), 1 - 1 / zoom);
  };
  const toScreen = ([x, y]) => [(x - left) * zoom * canvas.width, (y - top) * zoom * canvas.height];
  const toPicture = (event) => {
    const box = canvas.getBoundingClientRect();
    const u = (event.clientX - box.left) / box.width, v = (event.clientY - box.top) / box.height;
    return [left + u / zoom, top + v / zoom];
  };
  const draw = () => {
    context.imageSmoothingEnabled = zoom < 4;
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (picture.complete && picture.naturalWidth) {
      const size = picture.naturalWidth;
      context.drawImage(picture, left * size, top * size, size / zoom, size / zoom, 0, 0, canvas.width, canvas.height);
    }
    for (const { name, place, color, current } of model.get("points")) {
      const [x, y] = toScreen(place);
      context.beginPath();
      context.arc(x, y, current ? 7 : 5, 0, 2 * Math.PI);
      context.fillStyle = color;
      context.fill();
      context.lineWidth = 2;
      context.strokeStyle = "white";
      context.stroke();
      if (current) {
        context.font = "13px sans-serif";
        context.lineWidth = 3;
        context.strokeText(name, x + 9, y - 6);
        context.fillStyle = "black";
        context.fillText(name, x + 9, y - 6);
      }
    }
    if (pointer) {
      const [x, y] = toScreen(pointer);
      context.lineWidth = 1;
      context.strokeStyle = "rgba(255, 255, 255, 0.7)";
      context.strokeRect(0, y, canvas.width, 0);
      context.strokeRect(x, 0, 0, canvas.height);
    }
  };
  const load = () => { picture.src = model.get("picture"); };
  picture.onload = draw;
  model.on("change:picture", () => { zoom = 1; left = top = 0; load(); });
  model.on("change:points", draw);

  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const [x, y] = toPicture(event), before = zoom;
    zoom = Math.min(Math.max(zoom * (event.deltaY < 0 ? 1.25 : 0.8), 1), 16);
    left = x - ((x - left) * before) / zoom;
    top = y - ((y - top) * before) / zoom;
    clamp();
    draw();
  }, { passive: false });
  canvas.addEventListener("mousemove", (event) => {
    pointer = toPicture(event);
    if (event.shiftKey && event.buttons) {
      left -= event.movementX / canvas.width / zoom;
      top -= event.movementY / canvas.height / zoom;
      clamp();
    }
    draw();
  });
  canvas.addEventListener("mouseleave", () => { pointer = null; draw(); });
  canvas.addEventListener("click", (event) => {
    if (!event.shiftKey) model.send({ click: toPicture(event) });
  });
  canvas.addEventListener("keydown", (event) => {
    if (["x", "u", "n", "p"].includes(event.key)) {
      event.stopPropagation();
      model.send({ key: event.key });
    }
  });
  load();
}
export default { render };
