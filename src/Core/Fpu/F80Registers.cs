using System.Runtime.CompilerServices;

namespace Lguest.Jit.Core.Fpu;

/// <summary>The eight physical data registers R0..R7, sixteen bytes each; MMX register n is R<em>n</em>'s significand.</summary>
[InlineArray(8)]
internal struct F80Registers
{
    private F80 _first;
}
