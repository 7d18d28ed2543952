// A button that takes one file and sends it in pieces, because servers close connections over large messages.
function render({ model, el }) {
  const button = document.createElement("button"), input = document.createElement("input");
  button.className = "jupyter-widgets jupyter-button widget-button";
  button.style.width = "auto";
  button.textContent = model.get("description");
  button.title = model.get("tooltip");
  input.type = "file";
  input.accept = model.get("accept");
  input.style.display = "none";
  el.append(button, input);
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", async () => {
    const [file] = input.files;
    input.value = ""; // the same file can be chosen again
    if (!file) return;
    const facts = { name: file.name, type: file.type, size: file.size, last_modified: file.lastModified };
    if (file.size > model.get("limit")) {
      model.send({ too_large: facts });
      return;
    }
    button.disabled = true;
    try {
      model.send({ begin: facts });
      for (let start = 0; start < file.size; start += model.get("piece")) {
        model.send({ piece: start }, undefined, [await file.slice(start, start + model.get("piece")).arrayBuffer()]);
      }
      model.send({ end: facts });
    } catch (error) {
      model.send({ unreadable: facts });
    } finally {
      button.disabled = false;
    }
  });
}
export default { render };
