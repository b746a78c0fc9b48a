using System.Runtime.InteropServices;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Fpu;
using Lguest.Jit.Core.Interpreter.ControlFlow;
using Lguest.Jit.Core.Simd;

namespace Lguest.Jit.Core.State;

/// <summary>
/// The whole state of the one virtual CPU, in one unmanaged block that never moves: the interpreter's handlers and
/// translated code address it by constant offsets. What an lguest Host keeps beside the registers (IDT, GDT, kernel
/// stack, TS, pending interrupts) stands here too, so that translated code can reach it; the <i>rules</i> about it
/// are the Switcher's.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct GuestCpu
{
    /// <summary>Number of GDT entries, <c>GDT_ENTRIES</c> (arch/x86/include/asm/segment.h).</summary>
    public const int GdtEntries = 32;

    /// <summary>EAX ECX EDX EBX ESP EBP ESI EDI. Must stay first: operands are byte offsets into this struct.</summary>
    public fixed uint Gpr[8];

    /// <summary>Always zero: what "no base register" and "no index register" point to.</summary>
    public uint ZeroRegister;

    /// <summary>Architectural whenever an engine has returned; stale while it runs.</summary>
    public uint Eip;

    /// <summary>Lazy status flags: see <see cref="Flags.LazyFlags"/>.</summary>
    public uint FlagsResult;

    /// <summary>Lazy status flags: see <see cref="Flags.LazyFlags"/>.</summary>
    public uint FlagsAux;

    /// <summary>Translated code's own, lazier idea of the flags (<see cref="Flags.FlagKind"/>); 0 whenever the interpreter runs or an engine has returned.</summary>
    public int FlagsKind;

    /// <summary>First operand of <see cref="FlagsKind"/>.</summary>
    public uint FlagsA;

    /// <summary>Second operand of <see cref="FlagsKind"/>.</summary>
    public uint FlagsB;

    /// <summary>EFLAGS without the six arithmetic flags. Bits 1 and 9 (IF) are always set, IOPL is always 0.</summary>
    public uint SystemFlags;

    /// <summary>Current privilege level, 1 or 3 (0 never runs).</summary>
    public uint Cpl;

    /// <summary>Derived from CPL and the segment registers by <c>Segments.UpdateMode</c>.</summary>
    public CpuMode Mode;

    /// <summary>Set by a cold access that made it unsafe, or impolite, to run on in this block: leave after this instruction.</summary>
    public ExitReason Cut;

    /// <summary>
    /// The soft TLB in force for CPL and address space: 2^20 entries by page number, each (Host address of the page −
    /// Guest virtual address of the page), or 0 for a miss. Instruction fetches use it as well (there is no NX).
    /// </summary>
    public ulong* ReadTable;

    /// <summary>As <see cref="ReadTable"/>, for stores. A page that holds translated code has no entry here.</summary>
    public ulong* WriteTable;

    /// <summary>
    /// The number of the state that those tables are in (<see cref="Memory.TlbClock"/>): another one as soon as an entry has gone or changed.
    /// </summary>
    public ulong TlbEpoch;

    /// <summary>Translated code's own: what its budget was when it was entered.</summary>
    public int EntryMark;

    /// <summary>Translated code's own: about what <see cref="BudgetLeft"/> was when a region was entered last; 0: none has been since the slice began.</summary>
    public int LoopMark;

    /// <summary>With <see cref="ExitReason.Miss"/>: which record of translated code has something to learn from it; 0: none.</summary>
    public nint MissRecord;

    /// <summary>With <see cref="MissRecord"/>: the linear address that was missed.</summary>
    public uint MissAddress;

    /// <summary>Instructions left until the engine's loop has to be asked for more: some thousands at most. Charged by whole blocks at their head.</summary>
    public long BudgetLeft;

    /// <summary>Instructions completed since the Guest started, not counting the current <c>Run</c>.</summary>
    public long Retired;

    /// <summary>What has been handed out of the budget of the current <c>Run</c>: Retired + RunBudget − BudgetLeft is "now" at a block boundary.</summary>
    public long RunBudget;

    /// <summary>Non-zero: leave at the next safepoint. Written by any thread.</summary>
    public int Attention;

    /// <summary>Bit n: IRQ n has been raised and not yet delivered. Written by any thread with interlocked operations.</summary>
    public uint PendingInterrupts;

    /// <summary>Why the interpreter's handlers returned null.</summary>
    public ExitReason Exit;

    /// <summary>With <see cref="ExitReason.Fault"/>: the vector; with <see cref="ExitReason.SoftwareInterrupt"/>: the n of <c>int n</c>.</summary>
    public int FaultVector;

    /// <summary>Error code of the fault, where the vector has one.</summary>
    public uint FaultErrorCode;

    /// <summary>Faulting linear address of a #PF.</summary>
    public uint FaultAddress;

    /// <summary>With <see cref="ExitReason.SoftwareInterrupt"/>: length in bytes of the instruction at <see cref="Eip"/>.</summary>
    public uint TrapLength;

    /// <summary>Virtual address of <c>noirq_iret</c>, or 0xFFFFFFFF while unknown (LGUEST_INIT tells it).</summary>
    public uint NoirqIret;

    /// <summary>Guest-physical address of <c>struct lguest_data</c>; 0 until LGUEST_INIT.</summary>
    public uint LguestData;

    /// <summary>SET_STACK: segment of the Guest kernel stack, RPL 1.</summary>
    public uint Ss1;

    /// <summary>SET_STACK: top of the Guest kernel stack.</summary>
    public uint Esp1;

    /// <summary>LHCALL_TS: non-zero makes FPU instructions raise #NM.</summary>
    public uint Ts;

    /// <summary>LHCALL_HALT is in force.</summary>
    public uint Halted;

    /// <summary>What this thread is doing; for statistics only.</summary>
    public ExecutionTier Tier;

    /// <summary>GCHandle of the <see cref="Machine.GuestMachine"/>, for the cold paths.</summary>
    public nint MachineHandle;

    /// <summary>The next-block cell that the dispatcher should fill once it has found the block (interpreter linking).</summary>
    public void* PendingLink;

    /// <summary>The interpreter's direct-mapped cache for indirect branches (<c>JumpCache</c>).</summary>
    public void* JumpCache;

    /// <summary>Traps that need no Switcher.</summary>
    public DirectTrapState Direct;

    /// <summary>SYSENTER and its registers.</summary>
    public FastSystemCallState FastCall;

    /// <summary>
    /// The instruction count behind a MOV or POP to SS: while <see cref="Retired"/> is that, no interrupt comes between it and the
    /// instruction that loads ESP (SDM vol. 3, §6.8.3). −1: there was none.
    /// </summary>
    public long StackShadowAt;

    /// <summary>
    /// The instruction count at which EFLAGS.RF is 1: behind an IRET that brought it along, or between two iterations of a string
    /// instruction. The next instruction to complete clears it, so there is no bit to keep. −1: nowhere.
    /// </summary>
    public long ResumeFlagAt;

    private SegmentRegister _es;
    private SegmentRegister _cs;
    private SegmentRegister _ss;
    private SegmentRegister _ds;
    private SegmentRegister _fs;
    private SegmentRegister _gs;

    /// <summary>The Guest's GDT after lguest's fix-ups (DPL 0 → 1, accessed set): what segment loads see.</summary>
    public fixed ulong Gdt[GdtEntries];

    /// <summary>The Guest's IDT as <c>set_trap</c> stores it; 0 = not present. Low word = low half of the gate.</summary>
    public fixed ulong Idt[256];

    /// <summary>x87 state.</summary>
    public FpuState Fpu;

    /// <summary>XMM registers and MXCSR.</summary>
    public SimdState Simd;

    /// <summary>What translated code hands to its x87 thunks.</summary>
    public FpuThunkState FpuThunks;

    /// <summary>Where calls of translated code will come back to.</summary>
    public ReturnLinks Returns;

    /// <summary>
    /// A moment of <see cref="System.Diagnostics.Stopwatch.GetTimestamp"/>: once it has passed the engine leaves at the end of a slice as if for <see cref="Attention"/>;
    /// 0: never. Written by the Guest's thread only.
    /// </summary>
    public long Alarm;

    /// <summary>Segment register by x86 number (<see cref="Seg"/>). <paramref name="cpu"/> is unmanaged and never moves.</summary>
    public static SegmentRegister* Segment(GuestCpu* cpu, int number) => &cpu->_es + number;
}
