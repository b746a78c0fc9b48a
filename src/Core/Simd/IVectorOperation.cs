using System.Runtime.Intrinsics;

namespace Lguest.Jit.Core.Simd;

/// <summary>
/// What an instruction does with the bits of two registers, without flags or faults; named by its mnemonic. Both engines call these, and RyuJIT inlines
/// them into both. An MMX instruction has its operands, and takes its result, in the low halves.
/// </summary>
internal interface IVectorOperation
{
    static abstract Vector128<byte> Apply(Vector128<byte> destination, Vector128<byte> source);
}

/// <summary>The same with an immediate byte.</summary>
internal interface IVectorImmediateOperation
{
    static abstract Vector128<byte> Apply(Vector128<byte> destination, Vector128<byte> source, byte immediate);
}
