using System.Runtime.InteropServices;

namespace Lguest.Jit.Core.Fpu;

/// <summary>
/// Where translated code leaves the operands of x87 instructions that it has put off, for a machine-code thunk that executes
/// them all. Nothing of it is the Guest's to see.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct FpuThunkState
{
    /// <summary>Windows that one thunk may have.</summary>
    public const int MaximumWindows = 16;

    /// <summary>Bytes from one window to the next in <see cref="Windows"/>.</summary>
    public const int WindowStride = 16;

    /// <summary>
    /// Stretches of Guest memory, each checked and translated: Host address of the first byte, then its Guest address. Valid from the
    /// check to the thunk's call in the same basic block.
    /// </summary>
    public fixed ulong Windows[2 * MaximumWindows];

    /// <summary>Operands that are copied when they are translated, because they may be overwritten before the thunk is called.</summary>
    public const int MaximumCopies = 8;

    /// <summary>The copies: 2, 4 or 8 bytes of each.</summary>
    public fixed ulong Copies[MaximumCopies];

    /// <summary>
    /// Exception flags that may still stand in the Host's own status word (they are sticky there as well, and clearing them costs more than
    /// ten additions). Exact flags come out as long as the Guest has all of these raised.
    /// </summary>
    public uint HostFlags;

    /// <summary>For a loop: instructions that it may still run, and when it comes back, how many are left.</summary>
    public int LoopBudget;

    /// <summary>For a loop: the flags as LAHF and SETO have them, in bits 8..15 and bit 0.</summary>
    public uint LoopFlags;

    /// <summary>For a loop: 16 × the physical register that its cell 0 is.</summary>
    public uint LoopBase;

    /// <summary>For a loop: the way out.</summary>
    public uint LoopExit;

    /// <summary>For a loop: has any of its x87 instructions been executed?</summary>
    public uint LoopRan;
}
