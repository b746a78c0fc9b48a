using System.Runtime.InteropServices;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter;

/// <summary>
/// One pre-decoded step of the interpreter: a handler and its operands, 32 bytes. Most instructions are one op; some
/// are led by a micro-op (a segment check) with the same <see cref="Eip"/> and <see cref="Remaining"/>.
/// </summary>
/// <remarks>
/// A handler does its work and tail-calls the next op's handler; it returns only to end a block: with the op to go on
/// with, or null after it has put eip and exit reason into the CPU. RyuJIT turns the call into a jump, which doubles
/// the speed against a loop (600 against 260 million instructions a second when this was designed); should it ever
/// not, the stack grows by one frame per op and falls back at the end of the block, so nothing but speed depends on it.
/// </remarks>
[StructLayout(LayoutKind.Sequential, Size = 32)]
internal unsafe struct Op
{
    public delegate*<GuestCpu*, Op*, Op*> Handler;

    /// <summary>Immediate operand, zero- or sign-extended to 32 bits as the instruction wants it; a branch's target eip, an
    /// indirect one's last.</summary>
    public uint Immediate;

    /// <summary>Displacement of the memory operand.</summary>
    public uint Displacement;

    /// <summary>Destination register: byte offset of it in <see cref="GuestCpu"/> (AH is EAX's offset + 1).</summary>
    public byte Destination;

    /// <summary>Source register: byte offset in <see cref="GuestCpu"/>.</summary>
    public byte Source;

    /// <summary>Base register of the memory operand: byte offset; <see cref="GuestCpu.ZeroRegister"/>'s if none.</summary>
    public byte Base;

    /// <summary>Index register of the memory operand: byte offset; <see cref="GuestCpu.ZeroRegister"/>'s if none.</summary>
    public byte Index;

    /// <summary>log2 of the index scale, 0..3.</summary>
    public byte Scale;

    /// <summary>Segment of the memory operand (<see cref="Seg"/>).</summary>
    public byte Segment;

    /// <summary>Length of the instruction in bytes, 1..15.</summary>
    public byte Length;

    /// <summary>Bits for generic helpers, see <see cref="OpTraits"/>.</summary>
    public OpTraits Traits;

    /// <summary>Eip of the instruction.</summary>
    public uint Eip;

    /// <summary>Instructions from this one (inclusive) to the end of its block: what a fault here has to give back to the budget.</summary>
    public ushort Remaining;

    /// <summary>Free for the handler.</summary>
    public ushort Info;

    public readonly uint NextEip => Eip + Length;
}

/// <summary>What helpers that are not specialised per address form need to know about an op.</summary>
[Flags]
internal enum OpTraits : byte
{
    None = 0,

    /// <summary>Addresses are 16 bits: the effective address, SI, DI and CX wrap at 64 KiB.</summary>
    Address16 = 1,

    /// <summary>Operands are 16 bits (the operand-size prefix in 32-bit code).</summary>
    Operand16 = 2,

    /// <summary>F3.</summary>
    Rep = 4,

    /// <summary>F2.</summary>
    Repne = 8,

    /// <summary>The instruction runs in <see cref="CpuMode.Checked"/>: its accesses need segment and alignment checks.</summary>
    Checked = 16,

    /// <summary>The stack is addressed by SP (<see cref="CpuMode.Stack16"/>).</summary>
    Stack16 = 32,
}
