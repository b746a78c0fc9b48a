using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.ControlFlow;

/// <summary>From block to block without the dispatcher.</summary>
internal static unsafe class Links
{
    /// <summary>
    /// Follows a link to the same virtual page. No check: while we execute here the page is mapped as it was when this
    /// block was looked up, since whatever changes mappings leaves translated code.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Op* FollowNear(GuestCpu* cpu, BlockLink* link) => link->Target != null ? link->Target : Resolve(cpu, link);

    /// <summary>Follows a link to another page: good while that page is mapped as it was when the link was made.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Op* FollowFar(GuestCpu* cpu, BlockLink* link) =>
        link->Target != null && cpu->ReadTable[link->Eip >> 12] == link->PageEntry ? link->Target : Resolve(cpu, link);

    /// <summary>Leaves to the dispatcher, which will fill the link.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Op* Resolve(GuestCpu* cpu, BlockLink* link)
    {
        cpu->Eip = link->Eip;
        cpu->PendingLink = link;
        cpu->Exit = ExitReason.Continue;
        return null;
    }

    /// <summary>The handler of a link of translated code that has no target yet, and has itself in its place.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Op* Unresolved(GuestCpu* cpu, Op* link) => Resolve(cpu, (BlockLink*)link);

    /// <summary>The handler of a link of translated code whose target does not lead into translated code: whatever the head has become.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static Op* ByHead(GuestCpu* cpu, Op* head) => head->Handler(cpu, head);

    /// <summary>An indirect branch: by the jump cache, else by the dispatcher.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Op* Jump(GuestCpu* cpu, uint eip)
    {
        JumpCacheEntry* entry = (JumpCacheEntry*)cpu->JumpCache + JumpCacheEntry.Slot(eip);
        if (entry->Eip == eip && entry->Mode == cpu->Mode && entry->PageEntry == cpu->ReadTable[eip >> 12])
        {
            return entry->Target;
        }

        return Lose(cpu, eip);
    }

    /// <summary>An indirect branch that the jump cache does not know: the dispatcher will.</summary>
    public static Op* Lose(GuestCpu* cpu, uint eip)
    {
        cpu->Eip = eip;
        return Flow.Dispatch(cpu);
    }
}

/// <summary>One entry of the direct-mapped cache from eip to block, valid under the same rule as a far link.</summary>
internal unsafe struct JumpCacheEntry
{
    public const int Count = 16384;

    /// <summary>A value no table entry ever has: marks an unused slot.</summary>
    public const ulong NoPage = 1;

    public uint Eip;
    public CpuMode Mode;
    public ulong PageEntry;
    public Op* Target;

    /// <summary>Found by way of an indirect branch or a return, not of a link.</summary>
    public bool Indirect;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Slot(uint eip) => (eip ^ (eip >> 12)) & (Count - 1);
}
