using System.Reflection.Emit;
using System.Runtime.Intrinsics;
using Iced.Intel;
using Lguest.Jit.Core.Simd;

namespace Lguest.Jit.Translator.Emit.Simd;

/// <summary>The XMM registers that a region touches, in locals for the whole method as the general ones are.</summary>
internal sealed class SimdRegisters
{
    private readonly LocalBuilder?[] _locals = new LocalBuilder?[8];
    private readonly RegionContext _c;
    private readonly int _written;

    public SimdRegisters(RegionContext context, IEnumerable<Instruction> code)
    {
        _c = context;
        Arithmetic = new SimdArithmetic(context);
        foreach (Instruction instruction in code)
        {
            for (int k = 0; k < instruction.OpCount; k++)
            {
                if (instruction.GetOpKind(k) == OpKind.Register && instruction.GetOpRegister(k).IsXMM())
                {
                    int number = instruction.GetOpRegister(k).GetNumber();
                    _locals[number & 7] ??= context.Il.DeclareLocal(typeof(Vector128<byte>));
                    _written |= k == 0 ? 1 << number : 0;
                }
            }
        }
    }

    /// <summary>Has the CPU been found ready for SIMD instructions in this block, TS clear?</summary>
    public bool IsReady { get; set; }

    /// <summary>The bits of MXCSR that are known in this block to be everyday's.</summary>
    public uint KnownBits { get; set; }

    public LocalBuilder this[Register register] => _locals[register.GetNumber()]
        ?? throw new InvalidOperationException($"{register} was not found by the usage analysis at 0x{_c.CurrentEip:x}.");

    /// <summary>A local for the second operand, and one for a result that is not accepted yet.</summary>
    public LocalBuilder Source => field ??= _c.Il.DeclareLocal(typeof(Vector128<byte>));

    /// <inheritdoc cref="Source"/>
    public LocalBuilder Result => field ??= _c.Il.DeclareLocal(typeof(Vector128<byte>));

    /// <summary>Where methods of ours leave vectors: a local that need not be kept in a register, should RyuJIT not inline them.</summary>
    public LocalBuilder Landing => field ??= _c.Il.DeclareLocal(typeof(Vector128<byte>));

    /// <summary>Additions and the like.</summary>
    public SimdArithmetic Arithmetic { get; }

    /// <summary>What is known of the registers.</summary>
    public SimdFacts Facts { get; } = new();

    /// <summary>At the start of a block, or after an instruction that may have changed anything, nothing is known.</summary>
    public void Forget()
    {
        IsReady = false;
        KnownBits = 0;
        Facts.Clear();
    }

    /// <summary>Memory to locals.</summary>
    public void LoadAll()
    {
        for (int i = 0; i < 8; i++)
        {
            if (_locals[i] is { } local)
            {
                Address(i);
                SimdIntrinsics.Load(_c.Il, 16);
                _c.Il.Emit(OpCodes.Stloc, local);
            }
        }
    }

    /// <summary>Locals that may have changed to memory.</summary>
    public void Spill()
    {
        for (int i = 0; i < 8; i++)
        {
            if ((_written & (1 << i)) != 0)
            {
                Address(i);
                _c.Il.Emit(OpCodes.Ldloc, _locals[i]!);
                SimdIntrinsics.Store(_c.Il, 16);
            }
        }
    }

    private void Address(int number)
    {
        _c.Il.Emit(OpCodes.Ldarg_0);
        _c.Offset(SimdMethods.Xmm + number * SimdState.Stride);
    }
}
