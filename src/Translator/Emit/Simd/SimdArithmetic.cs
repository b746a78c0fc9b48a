using System.Reflection.Emit;
using Iced.Intel;
using Lguest.Jit.Core.Simd.Floating;
using Label = System.Reflection.Emit.Label;

namespace Lguest.Jit.Translator.Emit.Simd;

/// <summary>
/// Additions, subtractions, multiplications, divisions and square roots by the Host's instructions, and a look at results and operands that is as
/// short as can be: one at the exponent, behind which everything is plain; zeros are looked at again, behind all hot code. And what is known of a register is
/// not asked (<see cref="SimdFacts"/>). All else is the interpreter's.
/// </summary>
internal sealed class SimdArithmetic(RegionContext c)
{
    public const int DoubleShift = 52;
    public const int SingleShift = 23;
    public const int DoubleExponents = 0x7FC;
    public const int SingleExponents = 0xFC;

    private readonly List<Action> _cold = [];

    /// <summary>Is this an instruction for it?</summary>
    public static bool Offers(RegionContext c, in Instruction i) => c.Optimisations.SimdFacts && SimdIntrinsics.AreThere && i.Mnemonic
        is Mnemonic.Addss or Mnemonic.Addsd or Mnemonic.Addps or Mnemonic.Addpd or Mnemonic.Subss or Mnemonic.Subsd or Mnemonic.Subps or Mnemonic.Subpd
        or Mnemonic.Mulss or Mnemonic.Mulsd or Mnemonic.Mulps or Mnemonic.Mulpd or Mnemonic.Divss or Mnemonic.Divsd or Mnemonic.Divps or Mnemonic.Divpd
        or Mnemonic.Sqrtss or Mnemonic.Sqrtsd or Mnemonic.Sqrtps or Mnemonic.Sqrtpd;

    /// <summary>Does the instruction have doubles for lanes? (One of those that are offered.)</summary>
    private static bool IsDouble(in Instruction i) => i.Mnemonic.ToString()[^1] == 'd';

    private static bool IsScalar(in Instruction i) => i.Mnemonic.ToString()[^2] == 's';

    private static bool IsRoot(in Instruction i) => i.Mnemonic is Mnemonic.Sqrtss or Mnemonic.Sqrtsd or Mnemonic.Sqrtps or Mnemonic.Sqrtpd;

    /// <summary>Emits the instruction; the second operand has been read.</summary>
    /// <param name="i">One of those that are offered.</param>
    /// <param name="right">Where its second operand is.</param>
    /// <param name="operation">The operation, for what is not usual.</param>
    public void Emit(in Instruction i, LocalBuilder right, Type operation)
    {
        ILGenerator il = c.Il;
        bool isDouble = IsDouble(i);
        bool scalar = IsScalar(i);
        LocalBuilder left = c.Simd[i.GetOpRegister(0)];
        LocalBuilder result = c.Simd.Result;
        if (!IsRoot(i))
        {
            Operand(left, isDouble, scalar);
        }

        if (IsRoot(i) || left != right)
        {
            Operand(right, isDouble, scalar);
        }

        if (!IsRoot(i) || scalar)
        {
            PushAs(left, isDouble);
        }

        PushAs(right, isDouble);
        il.Emit(OpCodes.Call, SimdIntrinsics.Arithmetic(i.Mnemonic));
        PopAs(result, isDouble);
        Label cold = il.DefineLabel();
        Label back = il.DefineLabel();
        Label miss = c.Exits.Miss();
        BranchIfUnusual(result, isDouble, scalar, cold);
        il.MarkLabel(back);
        il.Emit(OpCodes.Ldloc, result);
        il.Emit(OpCodes.Stloc, left);
        bool addition = i.Mnemonic is Mnemonic.Addss or Mnemonic.Addsd or Mnemonic.Subss or Mnemonic.Subsd or Mnemonic.Sqrtss or Mnemonic.Sqrtsd;
        bool product = i.Mnemonic is Mnemonic.Mulss or Mnemonic.Mulsd;
        _cold.Add(() =>
        {
            il.MarkLabel(cold);
            if (!scalar)
            {
                il.Emit(OpCodes.Ldloc, left);
                il.Emit(OpCodes.Ldloc, right);
                il.Emit(OpCodes.Ldloc, result);
                il.Emit(OpCodes.Call, MethodNames.Find(operation, nameof(IQuickOperation.IsPlain)));
                il.Emit(OpCodes.Brtrue, back);
                il.Emit(OpCodes.Br, miss);
                return;
            }

            // A sum or a root that is 0 is exact; a product or a quotient, if the reason is an operand.
            BranchIfNotZero(result, isDouble, miss);
            if (product)
            {
                Label leftIsZero = il.DefineLabel();
                BranchIfZero(left, isDouble, leftIsZero);
                BranchIfNotZero(right, isDouble, miss);
                il.MarkLabel(leftIsZero);
            }
            else if (!addition)
            {
                BranchIfNotZero(left, isDouble, miss);
            }

            il.Emit(OpCodes.Br, back);
        });
        bool all = !scalar || c.Simd.Facts.AreNumbers(left, isDouble, scalar: false);
        c.Simd.Facts.Set(left, isDouble, all);
    }

    /// <summary>Emits, behind all hot code, the second looks.</summary>
    public void EmitColdPaths()
    {
        foreach (Action emit in _cold)
        {
            emit();
        }
    }

    /// <summary>An operand has to be a number, and no denormal.</summary>
    private void Operand(LocalBuilder operand, bool isDouble, bool scalar)
    {
        if (c.Simd.Facts.AreNumbers(operand, isDouble, scalar))
        {
            return;
        }

        Label cold = c.Il.DefineLabel();
        Label back = c.Il.DefineLabel();
        Label miss = c.Exits.Miss();
        BranchIfUnusual(operand, isDouble, scalar, cold);
        c.Il.MarkLabel(back);
        _cold.Add(() =>
        {
            c.Il.MarkLabel(cold);
            if (scalar)
            {
                BranchIfNotZero(operand, isDouble, miss);
                c.Il.Emit(OpCodes.Br, back);
                return;
            }

            // As an addition of 0 to it would have it.
            Type addition = isDouble ? typeof(FloatOperation<Add, double, PackedShape>) : typeof(FloatOperation<Add, float, PackedShape>);
            c.Il.Emit(OpCodes.Ldloc, operand);
            c.Il.Emit(OpCodes.Ldloc, operand);
            c.Il.Emit(OpCodes.Ldloc, operand);
            c.Il.Emit(OpCodes.Call, MethodNames.Find(addition, nameof(IQuickOperation.IsPlain)));
            c.Il.Emit(OpCodes.Brtrue, back);
            c.Il.Emit(OpCodes.Br, miss);
        });
        c.Simd.Facts.Set(operand, isDouble, !scalar);
    }

    private void PushAs(LocalBuilder local, bool isDouble)
    {
        c.Il.Emit(OpCodes.Ldloc, local);
        if (isDouble)
        {
            SimdIntrinsics.As<double>(c.Il);
        }
        else
        {
            SimdIntrinsics.As<float>(c.Il);
        }
    }

    private void PopAs(LocalBuilder local, bool isDouble)
    {
        if (isDouble)
        {
            SimdIntrinsics.ToBytes<double>(c.Il);
        }
        else
        {
            SimdIntrinsics.ToBytes<float>(c.Il);
        }

        c.Il.Emit(OpCodes.Stloc, local);
    }

    private void BranchIfUnusual(LocalBuilder value, bool isDouble, bool scalar, Label cold)
    {
        ILGenerator il = c.Il;
        il.Emit(OpCodes.Ldloc, value);
        if (!scalar)
        {
            SimdIntrinsics.AnyUnusual(il, isDouble);
            il.Emit(OpCodes.Brtrue, cold);
            return;
        }

        PushBits(isDouble);
        il.Emit(OpCodes.Ldc_I4, isDouble ? DoubleShift : SingleShift);
        il.Emit(OpCodes.Shr_Un);
        il.Emit(OpCodes.Conv_I4);
        il.Emit(OpCodes.Ldc_I4_1);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Ldc_I4, isDouble ? DoubleExponents : SingleExponents);
        il.Emit(OpCodes.And);
        il.Emit(OpCodes.Brfalse, cold);
    }

    private void BranchIfZero(LocalBuilder value, bool isDouble, Label zero)
    {
        PushMagnitude(value, isDouble);
        c.Il.Emit(OpCodes.Brfalse, zero);
    }

    private void BranchIfNotZero(LocalBuilder value, bool isDouble, Label other)
    {
        PushMagnitude(value, isDouble);
        c.Il.Emit(OpCodes.Brtrue, other);
    }

    /// <summary>Something that is 0 if the lowest lane is.</summary>
    private void PushMagnitude(LocalBuilder value, bool isDouble)
    {
        c.Il.Emit(OpCodes.Ldloc, value);
        PushBits(isDouble);
        c.Il.Emit(OpCodes.Ldc_I4_1);
        c.Il.Emit(OpCodes.Shl);
    }

    private void PushBits(bool isDouble)
    {
        if (isDouble)
        {
            SimdIntrinsics.As<ulong>(c.Il);
            SimdIntrinsics.ToScalar<ulong>(c.Il);
        }
        else
        {
            SimdIntrinsics.As<uint>(c.Il);
            SimdIntrinsics.ToScalar<uint>(c.Il);
        }
    }
}
