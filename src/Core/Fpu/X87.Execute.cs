using System.Buffers.Binary;

namespace Lguest.Jit.Core.Fpu;

/// <summary>The one door for an interpreter: any decoded x87 instruction, memory in a buffer.</summary>
internal static partial class X87
{
    /// <summary>Bytes of a 32-bit FNSAVE image; 94 make a 16-bit one.</summary>
    public const int SaveImage32 = Environment32 + RegisterBytes;

    /// <summary>
    /// Executes <paramref name="op"/>. The caller has checked #NM, has raised #MF if <see cref="X87Operation.Waits"/> and
    /// <see cref="PendingException"/>, and has probed the memory operand.
    /// </summary>
    /// <param name="memory">At least <see cref="X87Operation.Width"/> bytes: filled for loads, to be written back for stores.</param>
    /// <param name="eflags">Read by FCMOV only.</param>
    public static X87Result Execute(ref FpuState f, in X87Operation op, Span<byte> memory, uint eflags = 0)
    {
        switch (op.Kind)
        {
            case X87Kind.LoadFloat:
                LoadFloat(ref f, op.Width, memory);
                break;
            case X87Kind.LoadRegister:
                FldSt(ref f, op.Index);
                break;
            case X87Kind.LoadInteger:
                Fild(ref f, ReadInteger(op.Width, memory));
                break;
            case X87Kind.LoadBcd:
                Fbld(ref f, BinaryPrimitives.ReadUInt64LittleEndian(memory), Get16(memory, 8));
                break;
            case X87Kind.LoadConstant:
                FldConst(ref f, (F80Constant)op.Index);
                break;
            case X87Kind.StoreRegister:
                FstSt(ref f, op.Index, op.Pops != 0, op.Quiet);
                break;
            case X87Kind.Arithmetic:
                Arithmetic(ref f, op.Arithmetic, op.ToRegister ? op.Index : 0, op.ToRegister ? 0 : op.Index, op.Reverse, op.Pops != 0);
                break;
            case X87Kind.ArithmeticFloat when op.Width == 4:
                ArithmeticM32(ref f, op.Arithmetic, op.Reverse, Get32(memory, 0));
                break;
            case X87Kind.ArithmeticFloat:
                ArithmeticM64(ref f, op.Arithmetic, op.Reverse, BinaryPrimitives.ReadUInt64LittleEndian(memory));
                break;
            case X87Kind.ArithmeticInteger:
                ArithmeticInteger(ref f, op.Arithmetic, op.Reverse, (int)ReadInteger(op.Width, memory));
                break;
            case X87Kind.Compare:
                Fcom(ref f, op.Index, op.Quiet, op.Pops);
                break;
            case X87Kind.CompareFloat when op.Width == 4:
                FcomM32(ref f, Get32(memory, 0), op.Pops);
                break;
            case X87Kind.CompareFloat:
                FcomM64(ref f, BinaryPrimitives.ReadUInt64LittleEndian(memory), op.Pops);
                break;
            case X87Kind.CompareInteger:
                Ficom(ref f, (int)ReadInteger(op.Width, memory), op.Pops);
                break;
            case X87Kind.CompareToFlags:
                return new X87Result { SetsFlags = true, Flags = Fcomi(ref f, op.Index, op.Quiet, op.Pops != 0) };
            case X87Kind.Exchange:
                Fxch(ref f, op.Index);
                break;
            case X87Kind.ConditionalMove:
                Fcmov(ref f, op.Index, Holds(op.Condition, eflags));
                break;
            case X87Kind.Free:
                Ffree(ref f, op.Index, op.Pops != 0);
                break;
            case X87Kind.StoreStatusWordAx:
                return new X87Result { SetsAx = true, Ax = Fnstsw(f) };
            default:
                if (op.IsStore)
                    return new X87Result { Store = ExecuteStore(ref f, op, memory) };
                if (op.Width != 0)
                    LoadControl(ref f, op, memory);
                else
                    ExecuteOnTop(ref f, op.Kind);
                break;
        }
        return default;
    }

    /// <summary>Instructions without operands but the stack top.</summary>
    private static void ExecuteOnTop(ref FpuState f, X87Kind kind)
    {
        switch (kind)
        {
            case X87Kind.Test: Ftst(ref f); break;
            case X87Kind.Examine: Fxam(ref f); break;
            case X87Kind.ChangeSign: Fchs(ref f); break;
            case X87Kind.Absolute: Fabs(ref f); break;
            case X87Kind.SquareRoot: Fsqrt(ref f); break;
            case X87Kind.RoundToInteger: Frndint(ref f); break;
            case X87Kind.Scale: Fscale(ref f); break;
            case X87Kind.Extract: Fxtract(ref f); break;
            case X87Kind.Remainder: Fprem(ref f, toNearest: false); break;
            case X87Kind.RemainderNearest: Fprem(ref f, toNearest: true); break;
            case X87Kind.TwoToXMinusOne: F2xm1(ref f); break;
            case X87Kind.YLog2X: Fyl2x(ref f); break;
            case X87Kind.YLog2XPlusOne: Fyl2xp1(ref f); break;
            case X87Kind.Tangent: Fptan(ref f); break;
            case X87Kind.ArcTangent: Fpatan(ref f); break;
            case X87Kind.Sine: Fsin(ref f); break;
            case X87Kind.Cosine: Fcos(ref f); break;
            case X87Kind.SineAndCosine: Fsincos(ref f); break;
            case X87Kind.IncrementTop: Fincstp(ref f); break;
            case X87Kind.DecrementTop: Fdecstp(ref f); break;
            case X87Kind.ClearExceptions: Fnclex(ref f); break;
            case X87Kind.Initialize: Fninit(ref f); break;
        }
    }

    private static void LoadFloat(ref FpuState f, int width, ReadOnlySpan<byte> memory)
    {
        switch (width)
        {
            case 4: FldM32(ref f, Get32(memory, 0)); break;
            case 8: FldM64(ref f, BinaryPrimitives.ReadUInt64LittleEndian(memory)); break;
            default: FldM80(ref f, ReadF80(memory)); break;
        }
    }

    private static void LoadControl(ref FpuState f, in X87Operation op, ReadOnlySpan<byte> memory)
    {
        switch (op.Kind)
        {
            case X87Kind.LoadControlWord: Fldcw(ref f, Get16(memory, 0)); break;
            case X87Kind.LoadEnvironment: Fldenv(ref f, memory[..op.Width]); break;
            case X87Kind.Restore: Frstor(ref f, memory[..op.Width]); break;
        }
    }

    private static bool ExecuteStore(ref FpuState f, in X87Operation op, Span<byte> memory)
    {
        switch (op.Kind)
        {
            case X87Kind.StoreFloat:
                return StoreFloat(ref f, op, memory);
            case X87Kind.StoreInteger:
                return StoreInteger(ref f, op, memory, RoundingOf(f));
            case X87Kind.StoreTruncated:
                return StoreInteger(ref f, op, memory, F80RoundingMode.Chop);
            case X87Kind.StoreBcd:
                bool storeBcd = Fbstp(ref f, out ulong low, out ushort high);
                WriteF80(memory, new F80(low, high));
                return storeBcd;
            case X87Kind.StoreControlWord:
                Put16(memory, 0, Fnstcw(f));
                return true;
            case X87Kind.StoreStatusWord:
                Put16(memory, 0, Fnstsw(f));
                return true;
            case X87Kind.StoreEnvironment:
                Fnstenv(ref f, memory[..op.Width]);
                return true;
            case X87Kind.Save:
                Fnsave(ref f, memory[..op.Width]);
                return true;
            default:
                return false;
        }
    }

    private static bool StoreFloat(ref FpuState f, in X87Operation op, Span<byte> memory)
    {
        bool store;
        switch (op.Width)
        {
            case 4:
                store = FstM32(ref f, op.Pops != 0, out uint single);
                Put32(memory, 0, single);
                return store;
            case 8:
                store = FstM64(ref f, op.Pops != 0, out ulong bits);
                BinaryPrimitives.WriteUInt64LittleEndian(memory, bits);
                return store;
            default:
                store = FstpM80(ref f, out F80 value);
                WriteF80(memory, value);
                return store;
        }
    }

    private static bool StoreInteger(ref FpuState f, in X87Operation op, Span<byte> memory, F80RoundingMode mode)
    {
        bool pop = op.Pops != 0;
        bool store;
        switch (op.Width)
        {
            case 2:
                store = FistM16(ref f, pop, mode, out short word);
                Put16(memory, 0, (ushort)word);
                return store;
            case 4:
                store = FistM32(ref f, pop, mode, out int doubleword);
                Put32(memory, 0, (uint)doubleword);
                return store;
            default:
                store = FistM64(ref f, pop, mode, out long quadword);
                BinaryPrimitives.WriteInt64LittleEndian(memory, quadword);
                return store;
        }
    }

    private static long ReadInteger(int width, ReadOnlySpan<byte> memory) => width switch
    {
        2 => BinaryPrimitives.ReadInt16LittleEndian(memory),
        4 => BinaryPrimitives.ReadInt32LittleEndian(memory),
        _ => BinaryPrimitives.ReadInt64LittleEndian(memory),
    };

    /// <summary>B, E, BE, U: carry, zero, either of them, parity; from 4 on their negations.</summary>
    private static bool Holds(byte condition, uint eflags)
    {
        uint mask = (condition & 3) switch { 0 => CarryFlag, 1 => ZeroFlag, 2 => CarryFlag | ZeroFlag, _ => ParityFlag };
        return (eflags & mask) != 0 != (condition >= 4);
    }
}
