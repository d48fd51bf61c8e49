"""Teams: who TF_CONFIG says works, what is refused, and what workers tell one another."""

from __future__ import annotations

import json

import pytest
import tensorflow as tf

from nlp_pipeline.errors import UsageError
from nlp_pipeline.jobs.train import refuse_untried
from nlp_pipeline.recipe import Training
from nlp_pipeline.training.team import TF_CONFIG, Team, gather_team

CLUSTER = {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}


def test_one_device_is_nobodys_team(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TF_CONFIG, raising=False)
    team = gather_team("auto")
    assert (team.name, team.replicas, team.local_replicas, team.workers) == ("none", 1, 1, 1)
    assert team.chief
    assert team.tell(lambda: b"said") == b"said"
    assert team.tell_json(lambda: {"f1": 0.1}) == {"f1": 0.1}
    assert team.in_turn(lambda: 5) == 5


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[1]",
        "7",
        json.dumps({"cluster": CLUSTER}),
        json.dumps({"cluster": CLUSTER, "task": {"type": "worker", "index": 2}}),
        json.dumps({"cluster": CLUSTER, "task": {"type": "worker", "index": -1}}),
        json.dumps({"cluster": CLUSTER, "task": {"type": "ps", "index": 0}}),
        json.dumps({"cluster": CLUSTER, "task": {"type": "worker"}}),
        json.dumps({"cluster": {"worker": 5}, "task": {"type": "worker", "index": 0}}),
    ],
)
@pytest.mark.parametrize("strategy", ["multi_worker", "auto"])
def test_what_is_no_cluster_is_refused(monkeypatch: pytest.MonkeyPatch, text: str, strategy: str) -> None:
    monkeypatch.setenv(TF_CONFIG, text)
    with pytest.raises(UsageError, match=r"TF_CONFIG: expected \{.*received"):
        gather_team(strategy)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "{}"])
def test_several_workers_need_a_cluster(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(TF_CONFIG, text)
    with pytest.raises(UsageError, match=r"TF_CONFIG: expected \{.*received"):
        gather_team("multi_worker")


def test_workers_that_would_each_train_alone_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TF_CONFIG, json.dumps({"cluster": CLUSTER, "task": {"type": "worker", "index": 1}}))
    for name in ("auto", "mirrored"):
        with pytest.raises(UsageError, match=f"names 2 workers, received {name}"):
            gather_team(name)
    # Whoever says so has it so.
    assert gather_team("none").chief


def test_a_chief_of_its_own_is_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    from nlp_pipeline.training import team

    cluster = {"chief": ["127.0.0.1:1"], "worker": ["127.0.0.1:2", "127.0.0.1:3"]}
    for task, index, number in (("chief", 0, 0), ("worker", 0, 1), ("worker", 1, 2)):
        monkeypatch.setenv(TF_CONFIG, json.dumps({"cluster": cluster, "task": {"type": task, "index": index}}))
        assert team._place_in_cluster() == (number, 3)
    assert not Team(tf.distribute.get_strategy(), 1, 3).chief


@pytest.mark.parametrize(
    ("error", "is_loss"),
    [
        (tf.errors.UnavailableError(None, None, "Socket closed"), True),
        (tf.errors.InternalError(None, None, "Collective instance 7 expected type 0"), True),
        (tf.errors.UnknownError(None, None, "Could not start gRPC server"), True),
        (tf.errors.UnknownError(None, None, "ZeroDivisionError: division by zero"), False),
        (tf.errors.InvalidArgumentError(None, None, "a collective mistake"), False),
    ],
)
def test_what_is_wrong_with_this_worker_is_no_loss_of_another(error: tf.errors.OpError, is_loss: bool) -> None:
    assert Team(tf.distribute.get_strategy(), 0, 2).has_lost(error) is is_loss
    assert not Team(tf.distribute.get_strategy()).has_lost(error)


def test_a_loss_is_told_without_the_names_of_functions() -> None:
    error = tf.errors.UnavailableError(None, None, "{{function_node __inference_x_1}} Socket closed\nmore")
    told = str(Team(tf.distribute.get_strategy(), 0, 2).lost(error, "epoch 1"))
    assert told.startswith("epoch 1: another of the 2 workers is lost (Socket closed); ")


def test_what_hangs_on_several_gpus_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    mixed = Training(precision="float16", xla=True)
    several = Team(tf.distribute.MirroredStrategy(["CPU:0"]))
    monkeypatch.setattr(Team, "replicas", 2)
    refuse_untried(several, mixed)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _kind: ["a", "b"])
    with pytest.raises(UsageError, match=r"training.xla: expected false with training.precision=float16 on 2 GPUs"):
        refuse_untried(several, mixed)
    refuse_untried(several, Training(precision="float16"))
    refuse_untried(several, Training(xla=True))
    monkeypatch.setattr(Team, "replicas", 1)
    refuse_untried(several, mixed)
