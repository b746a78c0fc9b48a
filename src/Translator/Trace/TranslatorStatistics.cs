using Lguest.Jit.Core.Interpreter;

namespace Lguest.Jit.Translator.Trace;

/// <summary>What decoding and translating came to, at one moment.</summary>
internal sealed record TranslatorStatistics
{
    /// <summary>Blocks decoded.</summary>
    public long BlocksDecoded { get; init; }

    /// <summary>Blocks dropped because their code was written to.</summary>
    public long BlocksInvalidated { get; init; }

    /// <summary>Times that the memory for blocks was full and was emptied.</summary>
    public long BlockResets { get; init; }

    /// <summary>Regions compiled, in use or not.</summary>
    public long RegionsCompiled { get; init; }

    /// <summary>Blocks of Guest code in them.</summary>
    public long BlocksCompiled { get; init; }

    /// <summary>Instructions of Guest code in them.</summary>
    public long InstructionsCompiled { get; init; }

    /// <summary>Bytes of IL that were compiled.</summary>
    public long IlBytes { get; init; }

    /// <summary>Time that the compiler thread (or the Guest thread, where everything is compiled first) spent.</summary>
    public TimeSpan CompileTime { get; init; }

    /// <summary>The Guest does not wait for the compiler.</summary>
    public bool InBackground { get; init; }

    /// <summary>Hot blocks that wait for the compiler thread to have time for them.</summary>
    public long BlocksWaiting { get; init; }

    /// <summary>Regions put into use.</summary>
    public long RegionsInstalled { get; init; }

    /// <summary>Regions that were finished too late: their Guest code had changed.</summary>
    public long RegionsOutdated { get; init; }

    /// <summary>Regions cut off because their Guest code was written to.</summary>
    public long RegionsInvalidated { get; init; }

    /// <summary>Regions that had to make room for others.</summary>
    public long RegionsEvicted { get; init; }

    /// <summary>Regions in use now.</summary>
    public long RegionsLive { get; init; }

    /// <summary>Bytes of Host code in use now, by estimate.</summary>
    public long CodeCacheBytes { get; init; }

    /// <summary>The most that it may be.</summary>
    public long CodeCacheCapacity { get; init; }

    /// <summary>Times that a region was left, by <see cref="LeaveReason"/>; empty if nobody watched.</summary>
    public long[] Leaves { get; init; } = [];

    /// <summary>Of an engine that only interprets.</summary>
    public static TranslatorStatistics Of(InterpreterEngine engine) => OfBlocks(engine.Cache);

    internal static TranslatorStatistics OfBlocks(BlockCache blocks) => new()
    {
        BlocksDecoded = blocks.Decoded,
        BlocksInvalidated = blocks.Invalidated,
        BlockResets = blocks.Resets,
    };
}
