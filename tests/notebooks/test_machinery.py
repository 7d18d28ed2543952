"""Building, pulling and executing notebooks, on small ones made here."""

import asyncio
import base64
import json
import os
import sys
import time
from types import SimpleNamespace

import nbformat
import pytest
import zmq.asyncio
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.session import Session
from PIL import Image

from ganverse_nb.workflow.notebook_engine import SyncedOutput
from ganverse_nb.workflow.notebooks import NotebookError, build_all, errors, execute, main, notebooks, pull_all

SOURCE = """# %% [markdown]
# # A title
#
# A sentence.

# %% tags=["parameters"]
profile = "mini"

# %%
import sys

print(profile, sys.executable)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "00_one.py").write_text(SOURCE)
    return tmp_path


def add(folder, name, code):
    (folder / "src" / f"{name}.py").write_text(f'# %% tags=["parameters"]\nprofile = "mini"\n\n# %%\n{code}\n')
    build_all(folder)
    return folder / f"{name}.ipynb"


def test_building_twice_gives_the_same_bytes(folder):
    (path,) = build_all(folder)
    first = path.read_bytes()
    path.unlink()
    build_all(folder)
    assert path.read_bytes() == first
    assert build_all(folder) == []


def test_a_built_notebook_is_valid_and_bare(folder):
    (path,) = build_all(folder)
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "code", "code"]
    assert notebook.cells[1].metadata["tags"] == ["parameters"]
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert all(not cell.outputs and cell.execution_count is None for cell in notebook.cells[1:])


def later(path, than):
    os.utime(path, (than.stat().st_mtime + 10,) * 2)


def test_outputs_are_stripped_and_edits_are_not_lost(folder):
    (path,) = build_all(folder)
    built, source = path.read_text(), folder / "src" / "00_one.py"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[2].outputs = [nbformat.v4.new_output("stream", text="hello")]
    notebook.cells[2].execution_count = 7
    nbformat.write(notebook, path)
    later(path, source)
    assert build_all(folder) == [path] and path.read_text() == built

    notebook.cells[2].source += "\nprint('edited')"
    nbformat.write(notebook, path)
    later(path, source)
    with pytest.raises(ValueError, match="was edited after.*pull"):
        build_all(folder)
    assert pull_all(folder) == [source]
    assert source.read_text() == SOURCE + "print('edited')\n"
    assert build_all(folder) == [path] and pull_all(folder) == []


def test_a_newer_source_wins(folder):
    (path,) = build_all(folder)
    source = folder / "src" / "00_one.py"
    source.write_text(SOURCE.replace("A title", "Another"))
    later(source, path)
    assert build_all(folder) == [path] and "Another" in path.read_text()


def test_notebooks_are_found_in_order_and_by_number(folder):
    add(folder, "04_two", "pass")
    add(folder, "04b_three", "pass")
    (folder / "4_none.ipynb").write_text("{}")
    assert [p.stem for p in notebooks(folder)] == ["00_one", "04_two", "04b_three"]
    assert [p.stem for p in notebooks(folder, ["04"])] == ["04_two"]
    assert [p.stem for p in notebooks(folder, ["04b", "00"])] == ["00_one", "04b_three"]
    with pytest.raises(ValueError, match="no notebook '07'.*00_one, 04_two"):
        notebooks(folder, ["04", "07"])


def test_an_unknown_action_is_refused(capsys):
    assert main(["burn"]) == 2 and "build|pull" in capsys.readouterr().err


@pytest.mark.notebook
def test_execution_injects_parameters_uses_this_python_and_reports_progress(folder, tmp_path):
    code = (
        "import sys, os\nfrom tqdm.auto import tqdm\nfor i in tqdm(range(3), mininterval=0):\n    pass\n"
        "print(profile, sys.executable, os.getcwd())"
    )
    path, calls = add(folder, "01_two", code), []
    output = tmp_path / "run" / "01_two.ipynb"
    executed = execute(path, output, {"profile": "smoke"}, lambda *call: calls.append(call))
    printed = [o.text for o in executed.cells[-1].outputs if o.output_type == "stream" and o.name == "stdout"]
    assert printed == [f"smoke {sys.executable} {folder}\n"]
    assert sorted(output.parent.iterdir()) == [output.with_suffix(".html"), output]
    assert calls[-1] == (3, 3, "")
    assert any(text.startswith("3/3 [") for _, _, text in calls)


@pytest.mark.notebook
def test_pictures_of_the_text_travel_with_the_executed_copy(folder, tmp_path):
    Image.new("RGB", (3, 2), "red").save(folder / "red.png")
    text = "# ![Red](red.png) ![lost](lost.png) ![far](https://example.org/far.png) [no picture](red.png)"
    (folder / "src" / "00_one.py").write_text(f"# %% [markdown]\n{text}\n\n{SOURCE}")
    (path,) = build_all(folder)
    output = tmp_path / "run" / "00_one.ipynb"
    execute(path, output, {})
    cell = nbformat.read(output, as_version=4).cells[0]
    assert cell.source == text[2:].replace("(red.png)", "(attachment:red.png)", 1)
    held = base64.b64decode(cell.attachments["red.png"]["image/png"])
    assert list(cell.attachments) == ["red.png"] and held == (folder / "red.png").read_bytes()
    assert f'src="data:image/png;base64,{base64.b64encode(held).decode()}"' in output.with_suffix(".html").read_text()
    assert path.read_text().count("attachment") == 0


@pytest.mark.notebook
def test_an_error_is_a_sentence_and_leaves_no_finished_copy(folder, tmp_path):
    path = add(folder, "01_two", "raise ValueError('the picture is empty')")
    output = tmp_path / "run" / "01_two.ipynb"
    with pytest.raises(NotebookError, match="01_two stopped at In \\[3\\]: ValueError: the picture is empty"):
        execute(path, output, {"profile": "smoke"})
    assert not output.exists() and "the picture is empty" in output.with_suffix(".partial.ipynb").read_text()


@pytest.mark.notebook
def test_tagged_cells_can_be_left_out(folder, tmp_path):
    path = add(folder, "01_two", "print('always')\n\n# %% tags=[\"studio\"]\nprint('with a studio')")
    for skip, words in ((), ["always", "with a studio"]), (("studio",), ["always"]):
        executed = execute(path, tmp_path / "run" / "01_two.ipynb", {"profile": "smoke"}, skip=skip)
        printed = [output.text.strip() for cell in executed.cells for output in cell.get("outputs", [])]
        assert printed == words


@pytest.mark.notebook
def test_an_error_hidden_in_a_widget_is_found(folder, tmp_path):
    code = "import ipywidgets\nwith ipywidgets.Output():\n    raise ValueError('nobody sees this')"
    path = add(folder, "01_two", code)
    with pytest.raises(NotebookError, match="a widget's callback raised ValueError: nobody sees this"):
        execute(path, tmp_path / "run" / "01_two.ipynb", {"profile": "smoke"})


def test_an_output_widget_that_sends_when_the_reply_has_just_come_does_not_hide_it():
    session = Session(key=b"key")

    async def talk():
        with zmq.asyncio.Context() as context, context.socket(zmq.DEALER) as client:
            kernel = zmq.Socket(context, zmq.ROUTER)
            client.identity, kernel.linger = b"client", 0
            client.connect(f"tcp://127.0.0.1:{kernel.bind_to_random_port('tcp://127.0.0.1')}")
            channel = AsyncZMQSocketChannel(client, session)
            reply = asyncio.ensure_future(channel.get_msg(timeout=None))
            await client.send(b"ready")
            assert kernel.recv_multipart() == [b"client", b"ready"]
            await asyncio.sleep(0.1)
            kernel.send_multipart([b"client", *session.serialize(session.msg("execute_reply", {"status": "ok"}))])
            time.sleep(0.2)  # it is here, and nobody has looked yet
            kernel_client = SimpleNamespace(session=session, shell_channel=channel)
            widget = SyncedOutput("comm", {"outputs": []}, kernel_client, None)
            widget.parent_header = {"msg_id": "cell"}
            widget.sync_state()
            try:
                got = await asyncio.wait_for(reply, 10)
                return got, session.deserialize(session.feed_identities(kernel.recv_multipart())[1])
            finally:
                kernel.close()

    reply, sent = asyncio.run(talk())
    assert reply["content"] == {"status": "ok"}
    assert sent["msg_type"] == "comm_msg" and sent["parent_header"] == {"msg_id": "cell"}
    update = {"method": "update", "state": {"outputs": []}, "buffer_paths": []}
    assert sent["content"] == {"comm_id": "comm", "data": update}


@pytest.mark.notebook
def test_a_kernel_that_dies_is_a_sentence(folder, tmp_path):
    path = add(folder, "01_two", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(NotebookError, match="01_two stopped because its Python died.*memory"):
        execute(path, tmp_path / "run" / "01_two.ipynb", {"profile": "smoke"})


def test_errors_are_searched_everywhere():
    failed = nbformat.v4.new_output("error", ename="KeyError", evalue="'a'", traceback=[])
    cell = nbformat.v4.new_code_cell("", outputs=[failed])
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(""), cell])
    state = {"m": {"model_name": "OutputModel", "state": {"outputs": [dict(failed)]}}, "n": {"state": {}}}
    notebook.metadata["widgets"] = {
        "application/vnd.jupyter.widget-state+json": {"state": json.loads(json.dumps(state))}
    }
    assert errors(notebook) == ["cell 1 raised KeyError: 'a'", "a widget's callback raised KeyError: 'a'"]
    assert errors(nbformat.v4.new_notebook()) == []


def test_a_failed_thread_is_an_error_and_a_warning_is_none():
    printed = "loading\nException in thread Thread-5:\nTraceback (most recent call last):\n"
    printed += '  File "a.py", line 1, in run\n    work()\nValueError: no picture\n'
    stream = nbformat.v4.new_output("stream", name="stderr", text=printed)
    warning = nbformat.v4.new_output("stream", name="stderr", text="UserWarning: slow\n")
    cells = [nbformat.v4.new_code_cell("", outputs=[warning]), nbformat.v4.new_code_cell("", outputs=[stream])]
    notebook = nbformat.v4.new_notebook(cells=cells)
    assert errors(notebook) == ["cell 1 printed a traceback: ValueError: no picture"]
