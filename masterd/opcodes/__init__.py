"""What may be asked of the cluster: 75 opcodes as typed data.

An opcode is a frozen dataclass. Its fields are its parameters; a field's type is also its check,
its default the parameter's default; without default it is required:

    @register
    @dataclass(frozen=True, kw_only=True, slots=True)
    class OpInstanceStartup(OpCode):
        OP_ID: ClassVar[str] = "OP_INSTANCE_STARTUP"
        RESULT: ClassVar[object] = None
        SUMMARY_FIELD: ClassVar[str | None] = "instance_name"

        instance_name: str
        force: bool = False

The way of a document: `base.load` finds the class by OP_ID, converts every value with the check of
its parameter and makes the object, or raises `OpCodeError`, whose text names opcode, parameter and
value. `OpCode.to_input` gives the stored form back, `OpCode.summary` the line of a job list, and
`base.check_result` judges what a logical unit returned.

    errors       OpCodeError
    checks       checks and their combinations; what a value looks like once it is kept
    annotations  reads a check off a type
    params       types that several opcodes share
    depends      dependencies on other jobs, relative ids
    reason       the reason trail
    secrets      values that only memory may hold
    numbers      fractions in summaries
    results      forms of results that several opcodes share
    base         OpCode, register, load
    the rest     one module per family of opcodes, nothing but declarations

An opcode object that exists is valid: only `load` makes them from outside data. Whether an opcode
can be carried out here is not decided in this package. Nothing here does I/O, reads a clock or
switches greenlets.
"""

from masterd.opcodes import (
    backup,
    cluster,
    cluster_params,
    cluster_verify,
    command,
    group,
    instance_create,
    instance_disks,
    instance_life,
    instance_move,
    instance_params,
    network,
    node,
    node_storage,
    provider,
    query,
    tags,
    test,
)

#: Importing a family registers its opcodes.
FAMILIES = (
    backup,
    cluster,
    cluster_params,
    cluster_verify,
    command,
    group,
    instance_create,
    instance_disks,
    instance_life,
    instance_move,
    instance_params,
    network,
    node,
    node_storage,
    provider,
    query,
    tags,
    test,
)
