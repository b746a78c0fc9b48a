namespace Lguest.Jit.Translator.Trace;

/// <summary>Why execution left translated code, or changed from one region to another. What <c>--stats</c> and <c>--trace exits</c> call by name.</summary>
internal enum LeaveReason
{
    /// <summary>Into another region: it has left this one only.</summary>
    Region,

    /// <summary>Over a link, or through the jump cache, to a block that is not translated (yet, any more, or not as an entry).</summary>
    InterpretedBlock,

    /// <summary>A link was not filled yet, or the page that it leads to is mapped otherwise now.</summary>
    LinkNotFound,

    /// <summary>The jump cache did not know the target of an indirect branch or return.</summary>
    IndirectNotFound,

    /// <summary>
    /// The interpreter has to run an instruction: its memory access missed the soft TLB, crossed a page or hit code, or there
    /// is no template for it.
    /// </summary>
    Miss,

    /// <summary>Less is left of the budget than the next block has instructions.</summary>
    Budget,

    /// <summary>Somebody has set <c>Attention</c>.</summary>
    Safepoint,

    /// <summary>A called helper faulted.</summary>
    Fault,

    /// <summary>A called helper wants to trap: <c>int n</c>, <c>int3</c>, <c>into</c>.</summary>
    SoftwareInterrupt,

    /// <summary>The iret at <c>noirq_iret</c> has completed.</summary>
    NoirqIret,

    /// <summary>A device register was touched.</summary>
    DeviceAccess,

    /// <summary>The code that runs was overwritten or unmapped.</summary>
    Invalidated,

    /// <summary>lguest would kill the Guest for this.</summary>
    Kill,

    /// <summary>Anything else.</summary>
    Other,
}
