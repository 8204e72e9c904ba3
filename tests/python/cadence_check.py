#!/usr/bin/python3
"""Holds a distributor to what Cadence's services expect of it, from outside: all that is known here is the .proto.

    tests/python/cadence_check.py target/debug/shardway

Starts `shardway serve` on ports of its own, speaks to it as Cadence's Go clients do, and ends with 1 when an expectation is
violated. Needs Debian's python3-grpcio and python3-grpc-tools: `make python-check` installs them.
"""

import json
import os
import pathlib
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time

import grpc
import grpc_tools
from grpc_tools import protoc

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = "uber.cadence.sharddistributor.v1"
# Longer than anything here takes on a machine that does something else besides.
DEADLINE = 60
BEAT_EVERY = 0.1
SETTINGS = """
leader_lease: 1s
namespaces:
  matching: {kind: ephemeral, ownership: affinity, lease: 30s, beat_every: 100ms, round_every: 100ms, gather: 100ms}
  canary: {kind: fixed, shards: 8, ownership: affinity, lease: 30s, beat_every: 100ms, round_every: 100ms, gather: 100ms}
  strict: {kind: fixed, shards: 8}
"""
# Of google/rpc/status.proto, which Debian's packages leave out.
STATUS_PROTO = """
syntax = "proto3";
package google.rpc;
import "google/protobuf/any.proto";
message Status { int32 code = 1; string message = 2; repeated google.protobuf.Any details = 3; }
"""


class Violation(Exception):
    """Something is not as Cadence's clients expect it."""


def expect(is_so, what):
    if not is_so:
        raise Violation(what)


def expect_equal(found, expected, what):
    expect(found == expected, f"{what}: expected {expected!r}, found {found!r}")


def compile_protocol(folder):
    """Makes Python of the .proto files, and imports it."""
    (folder / "status.proto").write_text(STATUS_PROTO)
    includes = [ROOT / "proto", folder, pathlib.Path(grpc_tools.__file__).parent / "_proto", "/usr/include"]
    arguments = ["protoc", *(f"-I{include}" for include in includes if os.path.isdir(include))]
    arguments += [f"--python_out={folder}", f"--grpc_python_out={folder}", "cadence.proto", "status.proto"]
    expect_equal(protoc.main(arguments), 0, "the .proto files compile")
    sys.path.insert(0, str(folder))
    global pb, rpc, status_pb
    import cadence_pb2 as pb
    import cadence_pb2_grpc as rpc
    import status_pb2 as status_pb


class Distributor:
    """`shardway serve` in a process of its own."""

    def __init__(self, binary, folder, *arguments):
        settings = folder / "serve.yaml"
        settings.write_text(SETTINGS)
        store = tempfile.mkdtemp(dir=folder)
        command = [binary, "serve", "--config", settings, "--listen", "127.0.0.1:0", "--store", store]
        command += ["--output", "json", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        text = ""
        for line in self.process.stdout:
            text += line
            if line.rstrip() == "}":
                break
        expect(text.rstrip().endswith("}"), f"the distributor starts; it said {text!r}")
        self.plan = json.loads(text)

    def stop(self):
        self.process.terminate()
        expect_equal(self.process.wait(DEADLINE), 0, "the distributor's exit status after SIGTERM")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def metadata(service="shard-distributor", caller="cadence-matching"):
    """What yarpc's gRPC outbound sends with each call."""
    return [("rpc-caller", caller), ("rpc-service", service), ("rpc-encoding", "proto")]


def check_metadata(call, service):
    """yarpc fails a call with two values under one key, or with another service's name in the trailers."""
    sent = {"initial metadata": call.initial_metadata(), "trailers": call.trailing_metadata()}
    for where, pairs in sent.items():
        keys = [key for key, _ in pairs or ()]
        repeated = {key for key in keys if keys.count(key) > 1}
        expect(not repeated, f"no key twice in the {where}: {repeated}")
        named = dict(pairs or ()).get("rpc-service", service)
        expect_equal(named, service, f"rpc-service in the {where}")


class Cadence:
    """A connection as one of Cadence's processes has it."""

    def __init__(self, address, service="shard-distributor"):
        self.channel = grpc.insecure_channel(address)
        self.service = service
        stubs = [rpc.ShardDistributorAPIStub, rpc.ShardDistributorExecutorAPIStub]
        self.stubs = [stub(self.channel) for stub in stubs]

    def call(self, method, message, timeout=10.0, headers=None):
        """A unary call. Unary calls of yarpc always carry a deadline."""
        stub = next(stub for stub in self.stubs if hasattr(stub, method))
        headers = metadata(self.service) if headers is None else headers
        try:
            answer, call = getattr(stub, method).with_call(message, timeout=timeout, metadata=headers)
        except grpc.RpcError as error:
            check_metadata(error, self.service)
            raise
        check_metadata(call, self.service)
        return answer

    def fails(self, code, method, message, **how):
        try:
            answer = self.call(method, message, **how)
        except grpc.RpcError as error:
            expect_equal(error.code(), code, f"{method} fails ({error.details()})")
            return error
        raise Violation(f"{method} fails with {code}: it answered {answer}")

    def patiently(self, method, message):
        """Repeats what Cadence's clients repeat."""
        again = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNAVAILABLE}
        for _ in until():
            try:
                return self.call(method, message)
            except grpc.RpcError as error:
                expect(error.code() in again, f"{method} succeeds: {error.code()} {error.details()}")

    def owner(self, namespace, shard):
        return self.patiently("GetShardOwner", pb.GetShardOwnerRequest(namespace=namespace, shard_key=shard))


def until(deadline=DEADLINE):
    """Goes on until something has become so, with a deadline."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        yield
        time.sleep(BEAT_EVERY / 2)
    raise Violation(f"it becomes so within {deadline} s")


class Watch:
    """Opened as a stream both ways, with one message, and never half-closed."""

    def __init__(self, cadence, namespace):
        self.states, self.closing = queue.Queue(), threading.Event()
        method = cadence.channel.stream_stream(
            f"/{PACKAGE}.ShardDistributorAPI/WatchNamespaceState",
            request_serializer=pb.WatchNamespaceStateRequest.SerializeToString,
            response_deserializer=pb.WatchNamespaceStateResponse.FromString,
        )
        # No deadline, as with yarpc.
        self.call = method(self.requests(namespace), metadata=metadata(cadence.service))
        threading.Thread(target=self.listen, daemon=True).start()

    def requests(self, namespace):
        yield pb.WatchNamespaceStateRequest(namespace=namespace)
        self.closing.wait()

    def listen(self):
        try:
            for state in self.call:
                self.states.put(state)
        except grpc.RpcError as error:
            self.states.put(error)

    def next(self, timeout=DEADLINE):
        try:
            state = self.states.get(timeout=timeout)
        except queue.Empty:
            raise Violation(f"a message on the watch within {timeout} s") from None
        if isinstance(state, grpc.RpcError):
            raise state
        return state

    def until(self, is_so, what):
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            state = self.next(max(0.1, end - time.monotonic()))
            owners = owners_of(state)
            if is_so(owners):
                return owners
        raise Violation(what)

    def close(self):
        self.call.cancel()
        self.closing.set()


def owners_of(state):
    """As Go's spectators read a state: the last executor that lists a shard has it."""
    owners = {}
    for executor in state.executors:
        for shard in executor.shards:
            expect(shard.shard_key not in owners, f"shard {shard.shard_key} has one owner in {state}")
            owners[shard.shard_key] = executor.executor_id
    return owners


class Executor:
    """Does what Go's executor library does."""

    def __init__(self, cadence, namespace, executor_id):
        self.cadence, self.namespace, self.id = cadence, namespace, executor_id
        self.running = {}
        self.metadata = {"hostIP": "127.0.0.1", "tchannel": "7935", "grpc": "7835", "grpc_address": "127.0.0.1:7835"}

    def request(self, status=None):
        reports = {
            shard: pb.ShardStatusReport(status=said, shard_load=1.0) for shard, said in self.running.items()
        }
        return pb.HeartbeatRequest(
            namespace=self.namespace,
            executor_id=self.id,
            status=pb.EXECUTOR_STATUS_ACTIVE if status is None else status,
            shard_status_reports=reports,
            metadata=self.metadata,
        )

    def beat(self):
        answer = self.cadence.patiently("Heartbeat", self.request())
        expect_equal(answer.migration_mode, pb.MIGRATION_MODE_ONBOARDED, "the migration mode")
        assignments = {shard: said.status for shard, said in answer.shard_assignments.items()}
        # An empty map means "no change".
        if assignments:
            ready = {shard for shard, said in assignments.items() if said == pb.ASSIGNMENT_STATUS_READY}
            kept = {shard: said for shard, said in self.running.items() if shard in ready}
            self.running = {shard: pb.SHARD_STATUS_READY for shard in ready} | kept
        return assignments

    def drain(self):
        """Stops everything, then says so, once."""
        self.running = {}
        answer = self.cadence.patiently("Heartbeat", self.request(pb.EXECUTOR_STATUS_DRAINING))
        expect_equal(answer.migration_mode, pb.MIGRATION_MODE_ONBOARDED, "the migration mode")

    def beat_until(self, is_so, what):
        try:
            for _ in until():
                assignments = self.beat()
                if is_so(assignments):
                    return
        except Violation as violation:
            raise Violation(f"{self.id}: {what}: {violation}") from None


def detail_of(error, name):
    """What Go's clients look at: the first detail, by its type's name."""
    details = dict(error.trailing_metadata()).get("grpc-status-details-bin")
    expect(details is not None, f"{name} in the details of {error.details()!r}")
    status = status_pb.Status.FromString(details)
    expect_equal(status.code, error.code().value[0], "the code in the details")
    expect_equal(status.message, error.details(), "the message in the details")
    expect_equal(status.details[0].type_url, f"type.googleapis.com/{PACKAGE}.{name}", "the detail's type")
    return getattr(pb, name).FromString(status.details[0].value)


def an_unknown_namespace_is_an_error_on_every_call(cadence):
    calls = {
        "GetShardOwner": pb.GetShardOwnerRequest(namespace="nowhere", shard_key="1"),
        "InspectShard": pb.InspectShardRequest(namespace="nowhere", shard_key="1"),
        "GetNamespaceState": pb.GetNamespaceStateRequest(namespace="nowhere"),
        "GetExecutorState": pb.GetExecutorStateRequest(namespace="nowhere", executor_id="e@1"),
        "DrainShards": pb.DrainShardsRequest(namespace="nowhere", shard_keys=["1"]),
        "UndrainShards": pb.UndrainShardsRequest(namespace="nowhere", shard_keys=["1"]),
        "GetDrainedShards": pb.GetDrainedShardsRequest(namespace="nowhere"),
        "ForceResetNamespace": pb.ForceResetNamespaceRequest(namespace="nowhere"),
        "Heartbeat": Executor(cadence, "nowhere", "e@1").request(),
    }
    for method, message in calls.items():
        error = cadence.fails(grpc.StatusCode.NOT_FOUND, method, message)
        expect_equal(error.details(), "namespace not found nowhere", f"{method} says")
        expect_equal(detail_of(error, "NamespaceNotFoundError").namespace, "nowhere", f"{method} names")
    watch = Watch(cadence, "nowhere")
    try:
        watch.next()
    except grpc.RpcError as error:
        expect_equal(error.code(), grpc.StatusCode.NOT_FOUND, "a watch of an unknown namespace")
    else:
        raise Violation("a watch of an unknown namespace fails")


def namespaces_are_listed(cadence):
    expected = {("matching", "ephemeral", 0), ("canary", "fixed", 8), ("strict", "fixed", 8)}
    for _ in until():
        listed = cadence.call("ListNamespaces", pb.ListNamespacesRequest()).namespaces
        expect_equal({namespace.mode for namespace in listed}, {"onboarded"}, "the mode of every namespace")
        expect_equal({namespace.name for namespace in listed}, {name for name, *_ in expected}, "the names")
        # What kind they are is known when a leader has founded them.
        if {(namespace.name, namespace.type, namespace.shard_num) for namespace in listed} == expected:
            return


def the_service_is_known_by_both_its_names_and_by_no_other(cadence):
    list_all = pb.ListNamespacesRequest()
    for service in ["shard-distributor", "cadence-shard-distributor"]:
        headers = metadata(service) + [("uber-trace-id", "1:2:0:1"), ("cadence-client-name", "cadence-cli")]
        cadence.call("ListNamespaces", list_all, headers=headers)
    unknown = grpc.StatusCode.UNIMPLEMENTED
    cadence.fails(unknown, "ListNamespaces", list_all, headers=metadata("cadence-history"))
    twice = metadata() + [("rpc-caller", "cadence-frontend")]
    cadence.fails(grpc.StatusCode.INVALID_ARGUMENT, "ListNamespaces", list_all, headers=twice)


def bad_input_is_named_with_its_value(cadence):
    def spoilt(spoil):
        request = Executor(cadence, "canary", "host@1").request()
        request.shard_status_reports["3"].status = pb.SHARD_STATUS_READY
        spoil(request)
        return request

    def set_load(value):
        def spoil(request):
            request.shard_status_reports["3"].shard_load = value

        return spoil

    beats = {
        r'executor_id "a/b" may contain only': lambda r: setattr(r, "executor_id", "a/b"),
        r"executor_id must be 1 to 256 bytes, is 0": lambda r: setattr(r, "executor_id", ""),
        r'status "0" must be': lambda r: setattr(r, "status", pb.EXECUTOR_STATUS_INVALID),
        r'shard_load "NaN" must be': set_load(float("nan")),
        r'shard_load "inf" must be': set_load(float("inf")),
        r'shard_load "-1" must be': set_load(-1.0),
        r'metadata "37 entries" must have at most 32 entries': lambda r: r.metadata.update({f"k{n}": "" for n in range(33)}),
        r"metadata .* must have keys of 1 to 128 bytes": lambda r: r.metadata.update({"k" * 129: ""}),
        r'metadata "\d+ bytes" must have at most 16384 bytes': lambda r: r.metadata.update({"k": "v" * 16384}),
        r'namespace "a/b" may contain only': lambda r: setattr(r, "namespace", "a/b"),
    }
    for complaint, spoil in beats.items():
        error = cadence.fails(grpc.StatusCode.INVALID_ARGUMENT, "Heartbeat", spoilt(spoil))
        expect(re.search(complaint, error.details()), f"{error.details()!r} says {complaint!r}")
    no_key = pb.GetShardOwnerRequest(namespace="canary")
    cadence.fails(grpc.StatusCode.INVALID_ARGUMENT, "GetShardOwner", no_key)
    cadence.fails(grpc.StatusCode.INVALID_ARGUMENT, "DrainShards", pb.DrainShardsRequest(namespace="canary"))
    state = cadence.patiently("GetNamespaceState", pb.GetNamespaceStateRequest(namespace="canary"))
    expect_equal(list(state.executors), [], "nobody has been let in")


def an_exclusive_namespace_refuses_executors_that_only_beat(cadence):
    beat = Executor(cadence, "strict", "host@1").request()
    for _ in until():
        try:
            cadence.call("Heartbeat", beat)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                expect_equal(error.code(), grpc.StatusCode.FAILED_PRECONDITION, error.details())
                return
        else:
            raise Violation("the beat is refused")


def a_matching_host_is_given_task_lists_and_gives_them_back(cadence):
    watch = Watch(cadence, "matching")
    expect_equal(list(watch.next().executors), [], "the first message comes at once, though it is empty")
    # The host's name and a UUID, as Go's executors are called.
    one = Executor(cadence, "matching", "matching-0.example@7b9c8f36-3a56-4d1c-9f41-5a3f3b3f9e50")
    expect_equal(one.beat(), {}, "the first beat is answered with")
    name = "/__cadence_sys/orders / päivä/3"
    unknown = pb.InspectShardRequest(namespace="matching", shard_key=name)
    error = cadence.fails(grpc.StatusCode.NOT_FOUND, "InspectShard", unknown)
    expect_equal(error.details(), f"shard not found matching:{name}", "the message")
    expect_equal(detail_of(error, "ShardNotFoundError").shard_key, name, "the shard that is not there")
    one.beat()
    found = cadence.owner("matching", name)
    expect_equal((found.owner, found.namespace), (one.id, "matching"), "the owner of a new task list")
    expect_equal(dict(found.metadata), one.metadata, "the owner's metadata")
    expect_equal(cadence.call("InspectShard", unknown).owner, one.id, "the owner by InspectShard")
    one.beat_until(lambda _: name in one.running, "is told of its task list")
    expect_equal(watch.until(bool, "the watch tells of the shard"), {name: one.id}, "the watch")

    # Beats on demand come beside the regular ones.
    threads = [threading.Thread(target=one.cadence.call, args=("Heartbeat", one.request())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    one.beat()
    expect_equal(list(one.running), [name], "what runs after many beats at once")

    # The last shard is taken away by name, because an empty answer means "no change".
    cadence.call("DrainShards", pb.DrainShardsRequest(namespace="matching", shard_keys=[name]))
    invalid = pb.ASSIGNMENT_STATUS_INVALID
    one.beat_until(lambda told: told.get(name) == invalid, "is told to stop its last shard")
    expect_equal(one.running, {}, "what runs")
    one.beat()
    owner = pb.GetShardOwnerRequest(namespace="matching", shard_key=name)
    error = cadence.fails(grpc.StatusCode.FAILED_PRECONDITION, "GetShardOwner", owner)
    expect_equal(error.details(), f"shard drained matching:{name}", "the message")
    expect_equal(detail_of(error, "ShardDrainedError").shard_key, name, "the drained shard")
    watch.until(lambda owners: not owners, "the watch tells that nobody has it")
    drained = cadence.call("GetDrainedShards", pb.GetDrainedShardsRequest(namespace="matching"))
    expect_equal(list(drained.shard_keys), [name], "the drained shards")
    undrain = pb.UndrainShardsRequest(namespace="matching", shard_keys=[name, "never"])
    undrained = cadence.call("UndrainShards", undrain)
    expect_equal(list(undrained.undrained_shard_keys), [name], "what was undrained")
    one.beat_until(lambda _: name in one.running, "has its task list again")

    # Done with it.
    one.running[name] = pb.SHARD_STATUS_DONE
    one.beat_until(lambda _: not one.running, "is told that the task list is gone")
    cadence.fails(grpc.StatusCode.NOT_FOUND, "InspectShard", unknown)
    watch.close()


def shards_of_a_fixed_namespace_go_from_host_to_host(cadence):
    one, two = Executor(cadence, "canary", "canary-1@a"), Executor(cadence, "canary", "canary-2@b")
    watch = Watch(cadence, "canary")
    one.beat_until(lambda _: len(one.running) == 8, "has all shards")
    for _ in until():
        one.beat()
        two.beat()
        running = {**dict.fromkeys(one.running, one.id), **dict.fromkeys(two.running, two.id)}
        if two.running and len(one.running) + len(two.running) == 8 == len(running):
            break
    error = cadence.fails(
        grpc.StatusCode.NOT_FOUND, "GetShardOwner", pb.GetShardOwnerRequest(namespace="canary", shard_key="8")
    )
    expect_equal(detail_of(error, "ShardNotFoundError").shard_key, "8", "the shard that is not there")
    state = cadence.call("GetNamespaceState", pb.GetNamespaceStateRequest(namespace="canary"))
    expect_equal({executor.executor_id for executor in state.executors}, {one.id, two.id}, "the executors")
    for executor in state.executors:
        expect_equal(executor.status, pb.EXECUTOR_STATUS_ACTIVE, executor.executor_id)
        age = time.time() - executor.last_heartbeat.ToSeconds()
        expect(-5 < age < DEADLINE, f"the last heartbeat of {executor.executor_id} was lately, not {age} s ago")
        revisions = [shard.assigned_state_mod_revision for shard in executor.assigned_shards]
        expect(all(revision > 0 for revision in revisions), f"each shard has a revision: {revisions}")

    # A host that stops says so once; its shards go on at the other.
    one.drain()
    two.beat_until(lambda _: len(two.running) == 8, "has all shards")
    watch.until(lambda owners: owners == {str(n): two.id for n in range(8)}, "the watch tells of that")
    gone = pb.GetExecutorStateRequest(namespace="canary", executor_id=one.id)
    cadence.fails(grpc.StatusCode.NOT_FOUND, "GetExecutorState", gone)
    present = cadence.call("GetExecutorState", pb.GetExecutorStateRequest(namespace="canary", executor_id=two.id))
    expect_equal(len(present.executor.assigned_shards), 8, "its shards")
    # The same process serves again.
    one.beat_until(lambda _: two.beat() and one.running, "has shards again")
    watch.close()


def a_shard_that_nobody_owns_is_an_internal_error_in_time(cadence):
    owner = pb.GetShardOwnerRequest(namespace="strict", shard_key="1")
    for _ in until():
        begun = time.monotonic()
        try:
            cadence.call("GetShardOwner", owner, timeout=2.0)
        except grpc.RpcError as error:
            # On a busy machine the answer comes too late now and then.
            if error.code() not in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED):
                expect_equal(error.code(), grpc.StatusCode.INTERNAL, error.details())
                expect(time.monotonic() - begun > 1, "it waits for as long as the caller does")
                return
        else:
            raise Violation("nobody owns it")


def a_namespace_is_reset(cadence):
    Executor(cadence, "matching", "matching-1@c").beat()
    reset = cadence.call("ForceResetNamespace", pb.ForceResetNamespaceRequest(namespace="matching"))
    expect(reset.deleted_keys >= 1, f"something was deleted: {reset}")
    state = cadence.patiently("GetNamespaceState", pb.GetNamespaceStateRequest(namespace="matching"))
    expect_equal(list(state.executors), [], "the executors after a reset")


CHECKS = [
    namespaces_are_listed,
    an_unknown_namespace_is_an_error_on_every_call,
    the_service_is_known_by_both_its_names_and_by_no_other,
    bad_input_is_named_with_its_value,
    an_exclusive_namespace_refuses_executors_that_only_beat,
    a_matching_host_is_given_task_lists_and_gives_them_back,
    shards_of_a_fixed_namespace_go_from_host_to_host,
    a_shard_that_nobody_owns_is_an_internal_error_in_time,
    a_namespace_is_reset,
]


def a_listener_of_its_own(binary, folder):
    with Distributor(binary, folder, "--cadence-listen", "127.0.0.1:0") as distributor:
        own = Cadence(distributor.plan["cadence_listen"], service="cadence-shard-distributor")
        everybodys = Cadence(distributor.plan["listen"])
        one = Executor(own, "canary", "canary-1@a")
        one.beat_until(lambda _: len(one.running) == 8, "has all shards")
        owner = pb.GetShardOwnerRequest(namespace="canary", shard_key="1")
        expect_equal(own.call("GetShardOwner", owner).owner, one.id, "the owner")
        everybodys.fails(grpc.StatusCode.UNIMPLEMENTED, "GetShardOwner", owner)
        distributor.stop()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    binary, failed, passed = sys.argv[1], 0, 0

    def run(name, check, *arguments):
        nonlocal failed, passed
        try:
            check(*arguments)
        except (Violation, grpc.RpcError) as error:
            failed += 1
            text = error if isinstance(error, Violation) else f"{error.code()} {error.details()}"
            print(f"FAILED {name.replace('_', ' ')}: {text}", flush=True)
        else:
            passed += 1
            print(f"ok {name.replace('_', ' ')}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        compile_protocol(folder)
        with Distributor(binary, folder) as distributor:
            cadence = Cadence(distributor.plan["listen"])
            for check in CHECKS:
                run(check.__name__, check, cadence)
            run("stops_when_it_is_told_to", distributor.stop)
        run("a_listener_of_its_own", a_listener_of_its_own, binary, folder)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
