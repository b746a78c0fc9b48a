using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Translator.Discover;

/// <summary>A block chosen for a region: a snapshot that the compiler thread can work on while the Guest runs on.</summary>
/// <param name="Block">The decoded block; only the Guest thread may look behind this pointer.</param>
/// <param name="Eip">Virtual address of its first instruction.</param>
/// <param name="Physical">Guest-physical address of it.</param>
/// <param name="Code">Its bytes.</param>
/// <param name="Count">Its instructions.</param>
internal sealed unsafe record PlannedBlock(nint Block, uint Eip, uint Physical, byte[] Code, int Count)
{
    /// <summary>Indirect branches have been seen to lead here.</summary>
    public bool IsIndirectTarget { get; init; }

    /// <summary>Where the indirect branch at its end has led to, or, on a path, the return; 0: it has none, or nobody knows.</summary>
    public uint LikelyTarget { get; init; }

    /// <summary>It has been seen to access memory at addresses that are not aligned.</summary>
    public bool IsUnaligned { get; init; }

    public GuestBlock* Pointer => (GuestBlock*)Block;
}

/// <summary>A virtual page that a region's code lies in, and the read-table entry it has while the region is valid.</summary>
internal readonly record struct AssumedPage(uint Page, ulong Entry);

/// <summary>What is to be compiled into one method. Block 0 is the hot one that asked for it.</summary>
internal sealed class RegionPlan
{
    public required IReadOnlyList<PlannedBlock> Blocks { get; init; }

    public required IReadOnlyList<AssumedPage> Pages { get; init; }

    public required CpuMode Mode { get; init; }

    /// <summary>What it looks at memory through.</summary>
    public WindowPlan Windows { get; init; } = WindowPlan.Initial;

    /// <summary>
    /// It follows ways that the Guest has been seen to take: calls inside are as good as jumps, and nobody is expected to come in at the functions
    /// that are called, or where they return to.
    /// </summary>
    public bool FollowsPaths { get; init; }

    /// <summary>Times that these blocks have been translated anew because accesses were not aligned.</summary>
    public int Realigned { get; init; }

    /// <summary>Instructions in all.</summary>
    public int Instructions => Blocks.Sum(static block => block.Count);

    /// <summary>The block cache's generation of this mode when the plan was made: pointers are good only while it is the same.</summary>
    public required long CacheGeneration { get; init; }
}
