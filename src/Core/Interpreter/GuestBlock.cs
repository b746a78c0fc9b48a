using System.Runtime.InteropServices;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter;

/// <summary>
/// A decoded basic block: header, then its ops. Lives in the block arena, so a pointer to it is good until the arena is
/// emptied; a block that is merely invalid stays there as a tombstone whose head op leaves.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct GuestBlock
{
    /// <summary>Next block with the same hash.</summary>
    public GuestBlock* HashNext;

    /// <summary>Next block whose first byte lies in the same frame.</summary>
    public GuestBlock* FrameNext;

    /// <summary>Next in the list of the frame of the last byte, if that is another one.</summary>
    public GuestBlock* SecondFrameNext;

    /// <summary>First op: the head, which charges the budget and is the safepoint.</summary>
    public Op* Head;

    /// <summary>Guest-physical address of the first byte.</summary>
    public uint Physical;

    /// <summary>Guest-physical address of the second page's first byte, if the one instruction crosses.</summary>
    public uint SecondPhysical;

    /// <summary>Virtual address of the first byte.</summary>
    public uint Eip;

    /// <summary>The mode that decoding assumed.</summary>
    public CpuMode Mode;

    /// <summary>Bytes of Guest code.</summary>
    public ushort ByteLength;

    /// <summary>
    /// Hash of those bytes as they were decoded. While a disk's data is on its way into a page, RAM may hold others already, and nobody
    /// has been told yet.
    /// </summary>
    public uint CodeHash;

    /// <summary>Instructions.</summary>
    public ushort Count;

    /// <summary>How the block ends, for whoever joins blocks into regions.</summary>
    public BlockEnd End;

    /// <summary>With a relative branch: its target.</summary>
    public uint TargetEip;

    /// <summary>Address behind the last byte: where a call returns to and an untaken branch goes.</summary>
    public readonly uint NextEip => Eip + ByteLength;

    /// <summary>Ops that fit into this block's memory, head and links included: what may be rebuilt in its place.</summary>
    public ushort Capacity;

    /// <summary>Times that the code at this address was overwritten after it had been decoded.</summary>
    public ushort Rewrites;

    /// <summary>False once invalidated.</summary>
    public bool Valid;

    /// <summary>The block is one instruction that goes on in the next page.</summary>
    public bool CrossesPage;

    /// <summary>Linux patches most places once or twice, while it boots; code that goes on being rewritten is another matter.</summary>
    private const int FreeRewrites = 3;

    private const int MaximumDoublings = 14;

    private const uint LongestPatience = 1 << 24;

    /// <summary>
    /// Rewritten so often that whatever it is compiled into may soon have to be compiled again: it has to become hot by itself.
    /// </summary>
    public readonly bool IsRestless => Rewrites > FreeRewrites;

    /// <summary>Runs until the block is hot: twice as many after each rewrite, so that a storm of translation dies down.</summary>
    /// <param name="usual">The same for a block that nobody has ever written to.</param>
    public readonly uint Patience(uint usual) =>
        (uint)Math.Max(usual, Math.Min((ulong)usual << Math.Clamp(Rewrites - FreeRewrites, 0, MaximumDoublings), LongestPatience));
}

/// <summary>How a block ends.</summary>
internal enum BlockEnd : byte
{
    /// <summary>Full, or at the end of its page: goes on at NextEip.</summary>
    FallThrough,

    /// <summary>JMP rel.</summary>
    Jump,

    /// <summary>Jcc, LOOPcc, JeCXZ.</summary>
    Conditional,

    /// <summary>CALL rel.</summary>
    Call,

    /// <summary>JMP r/m, near.</summary>
    IndirectJump,

    /// <summary>CALL r/m, near.</summary>
    IndirectCall,

    /// <summary>RET near.</summary>
    Return,

    /// <summary>Anything else: traps, far transfers, mode changes.</summary>
    Other,
}

/// <summary>
/// A link to another block, in the op slot behind a terminator (same size as an op). The link may be followed while
/// the page of its target is mapped as it was when the link was made, which one comparison with the TLB tells; the target
/// itself, once invalid, sends us back to the dispatcher.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 32)]
internal unsafe struct BlockLink
{
    /// <summary>Head op of the target, or null while not yet linked.</summary>
    public Op* Target;

    /// <summary>The read-table entry of the target's page.</summary>
    public ulong PageEntry;

    /// <summary>Eip of the target.</summary>
    public uint Eip;

    /// <summary>0, or, if translated code has the link: <see cref="Translated"/> and the mode it is followed in.</summary>
    public uint Owner;

    /// <summary>
    /// Translated code's links only: what to call with <see cref="Target"/>. A copy of the head's handler if that leads into translated code, so that
    /// nobody waits for the head to be fetched from memory. Behind the interpreter's terminators nobody looks here.
    /// </summary>
    public delegate*<GuestCpu*, Op*, Op*> Handler;

    /// <summary>In <see cref="Owner"/>, beside the bits of <see cref="CpuMode"/>.</summary>
    public const uint Translated = 1u << 31;
}
