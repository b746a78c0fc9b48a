using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Cache;

namespace Lguest.Jit.Translator.Trace;

/// <summary>Hears of each way out of a region. On the Guest thread, in the middle of things: it may look, and write down.</summary>
/// <param name="region">Eip of the region's first block.</param>
/// <param name="reason">Why it was left.</param>
/// <param name="eip">Where the Guest goes on.</param>
internal delegate void LeaveHook(uint region, LeaveReason reason, uint eip);

/// <summary>
/// Stands at the door of translated code, where somebody wants to know: counts who comes and why they leave, and keeps
/// <see cref="GuestCpu.Tier"/> true. Nobody watches: heads lead straight into regions. Translated code is the same either way.
/// </summary>
/// <remarks>
/// The head of a watched region has <see cref="Enter"/> for a handler, and where other ops have their operands, of which a head
/// has no use, the address of a <see cref="Record"/>. A record lives as long as its region, which is never freed while any
/// translated code runs.
/// </remarks>
internal sealed unsafe class RegionWatch : IDisposable
{
    /// <summary>Taken once: the address of a method need not be the same for ever.</summary>
    private static readonly nint s_door = (nint)(delegate*<GuestCpu*, Op*, Op*>)&Enter;

    private readonly long[] _counts = GC.AllocateArray<long>(Enum.GetValues<LeaveReason>().Length, pinned: true);
    private readonly LeaveHook? _hook;
    private GCHandle _self;

    /// <param name="hook">Told of each leave; null: only count.</param>
    public RegionWatch(LeaveHook? hook = null)
    {
        _hook = hook;
        _self = GCHandle.Alloc(this);
    }

    /// <summary>What a watched head refers to.</summary>
    private struct Record
    {
        /// <summary>The region's code.</summary>
        public delegate*<GuestCpu*, Op*, Op*> Code;

        /// <summary>The handler of watched heads.</summary>
        public nint Door;

        /// <summary>By <see cref="LeaveReason"/>.</summary>
        public long* Counts;

        /// <summary>Handle of the watch if it has a hook, else 0.</summary>
        public nint Watch;

        public uint Eip;
    }

    /// <summary>Times that a region was left, by <see cref="LeaveReason"/>. Any thread may read.</summary>
    public ReadOnlySpan<long> Counts => _counts;

    /// <summary>Makes a head lead into a region, past us.</summary>
    public void Lead(Op* head, CompiledRegion region, uint entry)
    {
        var record = (Record*)region.WatchRecord;
        if (record == null)
        {
            record = (Record*)NativeMemory.AlignedAlloc((nuint)sizeof(Record), (nuint)sizeof(nint));
            *record = new Record
            {
                Code = (delegate*<GuestCpu*, Op*, Op*>)region.EntryPoint,
                Door = s_door,
                Counts = (long*)Unsafe.AsPointer(ref _counts[0]),
                Watch = _hook == null ? 0 : GCHandle.ToIntPtr(_self),
                Eip = region.Plan.Blocks[0].Eip,
            };
            region.WatchRecord = (nint)record;
        }

        BlockHead.SetTranslated(head, s_door, entry);
        *RecordOf(head) = record;
    }

    /// <summary>Host address of the region that a translated head leads into, watched or not.</summary>
    public static nint CodeBehind(Op* head) => (nint)head->Handler == s_door ? (nint)(*RecordOf(head))->Code : (nint)head->Handler;

    public void Dispose()
    {
        if (_self.IsAllocated)
        {
            _self.Free();
        }
    }

    /// <summary>
    /// The handler of a watched head. As long as regions lead to regions it stays here, which makes watching a hop cost
    /// less than a nanosecond; programs that hop every ten instructions would feel more.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static Op* Enter(GuestCpu* cpu, Op* head)
    {
        Record* record = *RecordOf(head);
        long* counts = record->Counts;
        nint door = record->Door;
        bool hooked = record->Watch != 0;
        cpu->Tier = ExecutionTier.Translated;
        long hops = 0;
        Op* next;
        while (true)
        {
            next = record->Code(cpu, head);
            if (next == null || (nint)next->Handler != door)
            {
                break;
            }

            if (hooked)
            {
                Tell(record, LeaveReason.Region, next->Eip);
            }

            hops++;
            head = next;
            record = *RecordOf(head);
        }

        cpu->Tier = ExecutionTier.Interpreter;
        counts[(int)LeaveReason.Region] += hops;
        LeaveReason reason = next == null ? Reason(cpu) : LeaveReason.InterpretedBlock;
        counts[(int)reason]++;
        if (hooked)
        {
            Tell(record, reason, next == null ? cpu->Eip : next->Eip);
        }

        return next;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Tell(Record* record, LeaveReason reason, uint eip) =>
        ((RegionWatch)GCHandle.FromIntPtr(record->Watch).Target!)._hook!(record->Eip, reason, eip);

    private static LeaveReason Reason(GuestCpu* cpu) => cpu->Exit switch
    {
        ExitReason.Continue => cpu->PendingLink != null ? LeaveReason.LinkNotFound : LeaveReason.IndirectNotFound,
        ExitReason.Budget => Volatile.Read(ref cpu->Attention) != 0 ? LeaveReason.Safepoint : LeaveReason.Budget,
        ExitReason.Miss => LeaveReason.Miss,
        ExitReason.Fault => LeaveReason.Fault,
        ExitReason.SoftwareInterrupt => LeaveReason.SoftwareInterrupt,
        ExitReason.NoirqIret => LeaveReason.NoirqIret,
        ExitReason.DeviceAccess => LeaveReason.DeviceAccess,
        ExitReason.BlockCut => LeaveReason.Invalidated,
        ExitReason.Kill => LeaveReason.Kill,
        _ => LeaveReason.Other,
    };

    private static Record** RecordOf(Op* head) => (Record**)&head->Destination;
}
