"""One photograph per object, scene and camera, in the manner of the second edition."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.render.launch import launch
from ganverse_nb.render.light import COSINE, FACTORS, sh_basis
from ganverse_nb.render.rasterize import rasterize
from ganverse_nb.runtime.threads import one_thread
from ganverse_nb.studio.photo_set import Photos
from ganverse_nb.studio.randomization import Randomization
from ganverse_nb.studio.sampling import Objects
from ganverse_nb.studio.scene import Scene
from ganverse_nb.studio.second.columns import pack
from ganverse_nb.studio.second.framing import sample_cameras
from ganverse_nb.studio.second.kernels import light as light_kernels
from ganverse_nb.studio.second.kernels import picture, surface, surroundings
from ganverse_nb.studio.second.kernels.light import REACH
from ganverse_nb.studio.second.kernels.picture import FRONT
from ganverse_nb.studio.second.scene_columns import LAMPS, SCENE_SIZES, Card
from ganverse_nb.studio.second.scenes import sample_scenes
from ganverse_nb.studio.second.subjects import SUBJECTS

ENVIRONMENT = 32  # rows of the map of all directions
SUPERSAMPLING = 3
SHADOW_MAP = 128  # pixels a side
SHADED_LAMPS = 2  # those that cast shadows
BALANCE = 0.75  # of the light's colour that the camera takes out
ELSEWHERE = (1e3, -1e3, 1e3)  # no camera and no lamp looks there
VACANT = 16  # scenes at a time
WHITE = 1.2  # light on the average side of a white object


def arrange(
    category: str,
    count: int,
    generator: torch.Generator,
    body_type: str | None,
    per_camera: int,
    knobs: Randomization,
) -> tuple[Objects, Scene, Camera]:
    """`count` random objects, scenes to put them in, and cameras, one for every `per_camera` objects in a row."""
    subject = SUBJECTS[category]
    objects = subject.sample(count, generator, body_type, knobs)
    scene = sample_scenes(count, generator, knobs, subject.ground, subject.metres)
    vertices = subject.staged(objects).vertices
    if count % per_camera:  # the last camera has fewer objects
        vertices = torch.cat([vertices, vertices[-1:].expand(per_camera - count % per_camera, -1, -1)])
    return objects, scene, sample_cameras(vertices, generator, knobs, per_camera)[:count]


_FILM = {"gain": 3, "vignette": 1, "noise": 1, "contrast": 1, "saturation": 1, "black": 1, "seed": 1}


@torch.no_grad()
@one_thread()
def photograph(
    objects: Objects, scene: Scene, camera: Camera, resolution: int, category: str, vacant: bool = False
) -> Photos:
    """One photo per (object, scene, camera); the three are batches of one length.

    Args:
        vacant: the same scene and camera with the object gone, and its shadow with it.
    """
    subject = SUBJECTS[category]
    vertices, faces, parts, marks, own = subject.staged(objects)
    batch = len(vertices)
    table, floor = subject.table(objects), subject.kind.floor(objects)
    places = pack(scene, SCENE_SIZES)
    env, soft, sh = environment(places)
    middle = (vertices.amax(1) + vertices.amin(1)) / 2
    depth = ((camera.position - middle) * camera.axes()[:, 2]).sum(1)
    if vacant:
        vertices = vertices + vertices.new_tensor(ELSEWHERE)
    frames, maps = shadow_maps(vertices, faces, scene)

    seen = rasterize(camera.to_clip(vertices), faces, resolution * SUPERSAMPLING)
    normals = torch.zeros_like(vertices)
    launch(light_kernels.normals, (batch,), vertices, faces[None], normals)
    cameras = camera_table(camera)
    pixel = resolution / 128
    focus = torch.stack([depth, scene["background_blur"] * pixel, floor, scene["blur"] * pixel], 1).contiguous()
    cards = stand_in_front(scene["cards"], camera).contiguous()

    size = (batch, resolution, resolution, 4)
    back, blurred, out = torch.zeros(size), torch.zeros(size), torch.zeros(size)
    launch(picture.background, (batch, resolution), places, cards, cameras, focus, sh, soft, maps, frames, back)
    launch(picture.smear, (batch, resolution), back, 0, blurred)
    launch(picture.smear, (batch, resolution), blurred, 1, back)
    shown = torch.zeros(batch, resolution, resolution, 2)
    met = torch.empty(2, batch, *seen.depth.shape[1:], 3)
    finishes, rooms = torch.empty(*seen.depth.shape, 7), torch.empty(*seen.depth.shape, 4)
    launch(
        surface.kernels(category).surface,
        (batch, resolution * SUPERSAMPLING),
        *(table, vertices, normals, marks, faces[None], parts, seen.face_index, seen.barycentric, cameras),
        *(*met, finishes, rooms),
    )
    launch(
        picture.expose,
        (batch, resolution),
        *(seen.face_index, seen.depth, own, *met, finishes, rooms, places, cards, cameras, focus),
        *(sh, env, soft, maps, frames, back, out, shown),
    )
    launch(picture.smear, (batch, resolution), out, 0, blurred)
    launch(picture.smear, (batch, resolution), blurred, 1, out)
    film = pack(scene | {"gain": scene["gain"] * exposure(scene, sh)}, _FILM)
    developed = torch.empty(batch, resolution, resolution, 3, dtype=torch.uint8)
    launch(picture.develop, (batch, resolution), out, film, developed)
    images = compressed(developed, scene["jpeg"]).permute(0, 3, 1, 2).contiguous()
    masks = (shown[..., 0] >= 0.5).to(torch.uint8)[:, None]
    return Photos(images, masks, (shown[..., 1][:, None] * masks).half(), camera, objects, category, edition=2)


def vacant_scenes(category: str, count: int, seed: int, resolution: int, knobs: Randomization) -> Tensor:
    """[count, 3, R, R] uint8 photographs of places in which an object of the category would stand, and none does."""
    pictures = []
    for start in range(0, count, VACANT):
        generator = torch.Generator().manual_seed(seed * 1_000_003 + start)
        order = arrange(category, min(VACANT, count - start), generator, None, 1, knobs)
        pictures.append(photograph(*order, resolution, category, vacant=True).images)
    return torch.cat(pictures)


@cache
def _sky_basis() -> Tensor:
    """[9, rows * columns]: from the map of all directions to the factors of `light.around`."""
    rows, columns = ENVIRONMENT, 2 * ENVIRONMENT
    climb = torch.cos((torch.arange(rows) + 0.5) / rows * torch.pi)[:, None].expand(rows, columns)
    turn = (((torch.arange(columns) + 0.5) / columns - 0.5) * 2 * torch.pi)[None].expand(rows, columns)
    flat = (1 - climb**2).sqrt()
    basis = sh_basis(torch.stack([flat * turn.sin(), climb, flat * turn.cos()], -1))
    area = flat * (torch.pi / rows) * (2 * torch.pi / columns)
    factors = torch.tensor(COSINE) / torch.pi * torch.tensor(FACTORS)
    return ((basis * area[..., None]).flatten(0, 1) * factors).T.contiguous()


def environment(places: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Light from all directions of scenes packed by `SCENE_SIZES`.

    Returns:
        a map [B, H, 2 H, 3], a blurred one of half its size, and [B, 9, 3] factors for matte surfaces.
    """
    rows = ENVIRONMENT
    env = torch.zeros(len(places), rows, 2 * rows, 3)
    launch(surroundings.environment, (len(places), rows), places, env)
    image = env.permute(0, 3, 1, 2)
    small = torch.nn.functional.avg_pool2d(image, 2)
    small = torch.nn.functional.pad(small, (2, 2, 0, 0), mode="circular")
    small = torch.nn.functional.avg_pool2d(torch.nn.functional.pad(small, (0, 0, 2, 2), mode="replicate"), 5, 1)
    return env, small.permute(0, 2, 3, 1).contiguous(), _sky_basis() @ env.flatten(1, 2)


def exposure(scene: Scene, sh: Tensor) -> Tensor:
    """[B, 3] gains of a camera that measures the light on the average side of the object.

    Its automatic white balance takes most of the light's own colour out.
    """
    normals = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, -1.0]])
    around = (sh_basis(normals) / torch.tensor(FACTORS)) @ sh
    lamps = scene["lamp_direction"].view(-1, LAMPS, 3)
    cosines = (normals @ lamps.transpose(1, 2)).clamp_min(0)
    total = around.clamp_min(0) + cosines @ scene["lamp_light"].view(-1, LAMPS, 3)
    light = (total * torch.tensor([0.4, 0.15, 0.15, 0.15, 0.15])[:, None]).sum(1).clamp_min(0.02)
    grey = light.mean(1, keepdim=True)
    return WHITE / grey * (grey / light) ** BALANCE


def diffuse_light(scene: Scene, index: Tensor, normals: Tensor) -> Tensor:
    """[P, 3] factor on the colour of matte surfaces with unit `normals` [P, 3] in scenes `index` [P], without shadows.

    Colours are as displays show them, of which light makes its square root: albedo x this is the picture.
    """
    _, _, sh = environment(pack(scene, SCENE_SIZES))
    light = torch.einsum("pk,pkc->pc", sh_basis(normals) / torch.tensor(FACTORS), sh[index]).clamp_min(0)
    toward = scene["lamp_direction"].view(-1, LAMPS, 3)[index]
    strength = scene["lamp_light"].view(-1, LAMPS, 3)[index]
    light = light + ((toward @ normals[:, :, None]).clamp_min(0) * strength).sum(1)
    return (light * (scene["gain"] * exposure(scene, sh))[index]).sqrt()


def shadow_maps(vertices: Tensor, faces: Tensor, scene: Scene) -> tuple[Tensor, Tensor]:
    """What the first lamps see of the objects, and what the ground sees.

    Returns:
        [B, maps, 3, 3] each map's right, up and direction, and [B, maps, S, S] heights along that direction.
    """
    batch = len(vertices)
    lamps = scene["lamp_direction"].view(batch, LAMPS, 3)[:, :SHADED_LAMPS]
    down = torch.tensor([0.0, -1.0, 0.0]).expand(batch, 1, 3)
    toward = torch.cat([lamps, down], 1)
    right = torch.nn.functional.normalize(
        torch.linalg.cross(toward, torch.tensor([0.3, 0.05, 1.0]).expand_as(toward)), dim=-1
    )
    frames = torch.stack([right, torch.linalg.cross(toward, right), toward], 2).contiguous()
    maps = torch.full((batch, SHADED_LAMPS + 1, SHADOW_MAP, SHADOW_MAP), -1e3)
    for which in range(SHADED_LAMPS + 1):
        x, y, z = (vertices @ frames[:, which].transpose(1, 2)).unbind(-1)
        clip = torch.stack([x / REACH, y / REACH, -z / 4, torch.ones_like(x)], -1)
        seen = rasterize(clip, faces, SHADOW_MAP, parallel=True)
        launch(
            light_kernels.nearness,
            (batch, SHADOW_MAP),
            *(vertices, faces[None], seen.face_index, seen.barycentric, frames, which, maps),
        )
    return frames, maps


def stand_in_front(cards: Tensor, camera: Camera) -> Tensor:
    """The cards with the places of the first FRONT, which are given from the camera, in the world."""
    right, _, backward = camera.axes()[:, :, None].unbind(1)
    aside, share = cards[:, :FRONT, Card.x, None], cards[:, :FRONT, Card.z, None]
    at = camera.position[:, None] - share * camera.distance[:, None, None] * backward + aside * right
    return torch.cat([torch.cat([at[..., [0, 2]], cards[:, :FRONT, 2:]], -1), cards[:, FRONT:]], 1)


def camera_table(camera: Camera) -> Tensor:
    """[B, 13] what kernels know of a camera."""
    tangent = torch.tan(torch.deg2rad(camera.fov) / 2)[:, None]
    return torch.cat([camera.position, camera.axes().flatten(1), tangent], 1).contiguous()


def compressed(pictures: Tensor, quality: Tensor) -> Tensor:
    """[B, R, R, 3] uint8 pictures after JPEG of a `quality` [B]; those of quality 0 are left as they are."""
    shown = pictures.numpy()
    for picture_, q in zip(shown, quality.int().tolist()):
        if q > 0:
            buffer = io.BytesIO()
            Image.fromarray(picture_).save(buffer, "JPEG", quality=q, subsampling=2 if q < 75 else 0)
            picture_[:] = np.asarray(Image.open(buffer))
    return torch.from_numpy(shown)
