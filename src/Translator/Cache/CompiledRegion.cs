using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.InteropServices;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Translator.Discover;
using Lguest.Jit.Translator.Emit;

namespace Lguest.Jit.Translator.Cache;

/// <summary>A region in Host code. Keeps its DynamicMethod alive: the pointer alone roots nothing.</summary>
internal sealed unsafe class CompiledRegion : IDisposable
{
    /// <summary>
    /// Where a DynamicMethod keeps its ILGenerator, as the runtime has it now: several times as large as the Host code, and of no
    /// use once that is made. Should a runtime not have the field, the memory is spent and nothing else changes.
    /// </summary>
    private static readonly FieldInfo? s_generator = typeof(DynamicMethod).GetField("_ilGenerator", BindingFlags.Instance | BindingFlags.NonPublic);

    private readonly List<nint> _allocations;
    private HashSet<nint>? _blocks;

    public CompiledRegion(RegionPlan plan, DynamicMethod method, nint entry, IReadOnlyList<int> entries, List<nint> allocations, Windows windows, IReadOnlyList<nint> links, int ilBytes)
    {
        Plan = plan;
        Method = method;
        EntryPoint = entry;
        Entries = entries;
        _allocations = allocations;
        Windows = windows.Table;
        WindowUses = [.. windows.Uses];
        Links = links;
        IlBytes = ilBytes;
        s_generator?.SetValue(method, null);
    }

    public RegionPlan Plan { get; }

    public DynamicMethod Method { get; }

    /// <summary>Host address of the method.</summary>
    public nint EntryPoint { get; }

    /// <summary>Numbers of the blocks that it can be entered at.</summary>
    public IReadOnlyList<int> Entries { get; }

    /// <summary>What it looks at memory through; null: there are no windows.</summary>
    public WindowTable* Windows { get; }

    /// <summary>Who looks through which.</summary>
    public IReadOnlyList<WindowUse> WindowUses { get; }

    /// <summary>What <see cref="Core.State.GuestCpu.MissRecord"/> has when an access in here was not aligned as expected; 0: none is expected to be.</summary>
    public nint AlignmentRecord { get; init; }

    /// <summary>Its <see cref="Core.Interpreter.BlockLink"/>s, which are among its allocations.</summary>
    public IReadOnlyList<nint> Links { get; }

    /// <summary>It has been seen to loop, and has got its windows for that.</summary>
    public bool Loops => Plan.Windows != WindowPlan.Shut;

    /// <summary>A better translation is on its way.</summary>
    public bool IsBeingReplaced { get; set; }

    /// <summary>Blocks lead into it.</summary>
    public bool IsInstalled { get; set; }

    /// <summary>Size of the IL: what the code cache's bound is estimated from.</summary>
    public int IlBytes { get; }

    /// <summary>Native memory that the code refers to.</summary>
    public IReadOnlyList<nint> Allocations => _allocations;

    /// <summary>Machine code that the method calls; null: none.</summary>
    public ExecutableMemory? Thunks { get; init; }

    /// <summary>What a <see cref="Trace.RegionWatch"/> knows about this region, in native memory that is freed with it; 0: not watched.</summary>
    public nint WatchRecord { get; set; }

    /// <summary>Has the block been translated in here?</summary>
    public bool Contains(GuestBlock* block) => (_blocks ??= [.. Plan.Blocks.Select(static planned => planned.Block)]).Contains((nint)block);

    /// <summary>Frees what the code refers to. Nothing may lead to the method any more.</summary>
    public void Dispose()
    {
        HostAllocations.Free(_allocations);
        Thunks?.Dispose();
        NativeMemory.AlignedFree((void*)WatchRecord);
        WatchRecord = 0;
    }
}
