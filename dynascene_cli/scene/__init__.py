"""The photo as a place: labels, horizon, sky, ground, relief, outpainting, depth."""

from dynascene_cli.scene.bystanders import Bystander, bystanders
from dynascene_cli.scene.depth_alignment import align_depth
from dynascene_cli.scene.feet_rows import feet_rows
from dynascene_cli.scene.free_ground import free_ground, plain_name
from dynascene_cli.scene.geometry_file import read_guess_file, write_guess_file
from dynascene_cli.scene.ground_crop import ground_crop
from dynascene_cli.scene.horizon import HorizonEvidence, Viewpoint
from dynascene_cli.scene.known_heights import KnownThing, find_known_things
from dynascene_cli.scene.labels import SceneLabels, scene_labels
from dynascene_cli.scene.onnx_depth import find_depth_network, predict_depth
from dynascene_cli.scene.outlined_people import with_people
from dynascene_cli.scene.outlines import outlines, rim
from dynascene_cli.scene.outpainting import build_scene
from dynascene_cli.scene.popup import PopUp
from dynascene_cli.scene.popup_layers import PlannedPopUp, plan_popup
from dynascene_cli.scene.relief import add_ground_around, relief_depth, relief_depth_at
from dynascene_cli.scene.removal_trial import texture_losses
from dynascene_cli.scene.scene_file import (
    read_scene_edits,
    read_scene_file,
    scene_text,
    write_scene_json,
)
from dynascene_cli.scene.single_view_geometry import (
    GeometryGuess,
    frame_focal_35mm,
    guess_geometry,
)
from dynascene_cli.scene.sunlight import match_shadow_darkness, photo_sunlight
from dynascene_cli.scene.surfaces import scene_popup
from dynascene_cli.scene.surroundings import Surroundings
from dynascene_cli.scene.transformers_depth import network_depth
from dynascene_cli.scene.whole_photo import FrameContent, frame_content

__all__ = [
    "Bystander",
    "FrameContent",
    "GeometryGuess",
    "HorizonEvidence",
    "KnownThing",
    "PlannedPopUp",
    "PopUp",
    "SceneLabels",
    "Surroundings",
    "Viewpoint",
    "add_ground_around",
    "align_depth",
    "build_scene",
    "bystanders",
    "feet_rows",
    "find_depth_network",
    "find_known_things",
    "frame_content",
    "frame_focal_35mm",
    "free_ground",
    "ground_crop",
    "guess_geometry",
    "match_shadow_darkness",
    "network_depth",
    "outlines",
    "photo_sunlight",
    "plain_name",
    "plan_popup",
    "predict_depth",
    "read_guess_file",
    "read_scene_edits",
    "read_scene_file",
    "relief_depth",
    "relief_depth_at",
    "rim",
    "scene_labels",
    "scene_popup",
    "scene_text",
    "texture_losses",
    "with_people",
    "write_guess_file",
    "write_scene_json",
]
