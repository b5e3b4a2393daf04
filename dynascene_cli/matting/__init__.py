"""Person mattes: who is filmed, where they are in every frame, and where they end."""

from dynascene_cli.matting.backlit_hair import clear_backlit_hair, is_against_light
from dynascene_cli.matting.base import CLICKS, MatteFrame, MattingModel, MattingState, Quality
from dynascene_cli.matting.completion import MatteCompletion
from dynascene_cli.matting.corrections import (
    CorrectedAlphas,
    blend_corrections,
    correction_files,
    read_corrections,
)
from dynascene_cli.matting.external import (
    alpha_base,
    alpha_box,
    edges_touched,
    matte_of_given_alpha,
)
from dynascene_cli.matting.foreign_colours import drop_uniform_ground, foreign_share
from dynascene_cli.matting.hidden_parts import (
    BESIDE_RUN,
    HiddenPart,
    Passage,
    WholePerson,
    changed_part,
    complete_hidden,
    find_passage,
    reduce_image,
    reduction_for,
    whole_person,
    without_gaps,
)
from dynascene_cli.matting.hidden_runs import LONGER, HiddenRun, hidden_runs, runs_between
from dynascene_cli.matting.landmark_smoothing import assemble_tracks
from dynascene_cli.matting.lettering import (
    LetteringLine,
    cover_lettering,
    find_lettering,
    lines_of_array,
    lines_to_array,
    row_hiding_feet,
    trim_lettering,
)
from dynascene_cli.matting.matte_warnings import matte_warnings
from dynascene_cli.matting.person_selection import (
    NobodyError,
    PersonSelection,
    frame_times,
    lost_ranges,
    select_person,
)
from dynascene_cli.matting.photo_people import (
    PhotoPerson,
    people_in_photo,
    pixels_of_people,
)
from dynascene_cli.matting.pose_tracking import following_state
from dynascene_cli.matting.props import MAX_PROPS
from dynascene_cli.matting.registry import (
    PROMPTED,
    choose_matting_model,
    choose_prompted,
    make_matting_model,
    require_packages,
)
from dynascene_cli.matting.ridden_things import is_ridden
from dynascene_cli.matting.wheel_tracks import (
    WheelTrack,
    WheelView,
    expected_radii,
    track_wheel,
)
from dynascene_cli.matting.wheels import Wheel, find_wheels
from dynascene_cli.matting.whole_wheels import complete_wheels

__all__ = [
    "BESIDE_RUN",
    "CLICKS",
    "LONGER",
    "MAX_PROPS",
    "PROMPTED",
    "CorrectedAlphas",
    "HiddenPart",
    "HiddenRun",
    "LetteringLine",
    "MatteCompletion",
    "MatteFrame",
    "MattingModel",
    "MattingState",
    "NobodyError",
    "Passage",
    "PersonSelection",
    "PhotoPerson",
    "Quality",
    "Wheel",
    "WheelTrack",
    "WheelView",
    "WholePerson",
    "alpha_base",
    "alpha_box",
    "assemble_tracks",
    "blend_corrections",
    "changed_part",
    "choose_matting_model",
    "choose_prompted",
    "clear_backlit_hair",
    "complete_hidden",
    "complete_wheels",
    "correction_files",
    "cover_lettering",
    "drop_uniform_ground",
    "edges_touched",
    "expected_radii",
    "find_lettering",
    "find_passage",
    "find_wheels",
    "following_state",
    "foreign_share",
    "frame_times",
    "hidden_runs",
    "is_against_light",
    "is_ridden",
    "lines_of_array",
    "lines_to_array",
    "lost_ranges",
    "make_matting_model",
    "matte_of_given_alpha",
    "matte_warnings",
    "people_in_photo",
    "pixels_of_people",
    "read_corrections",
    "reduce_image",
    "reduction_for",
    "require_packages",
    "row_hiding_feet",
    "runs_between",
    "select_person",
    "track_wheel",
    "trim_lettering",
    "whole_person",
    "without_gaps",
]
