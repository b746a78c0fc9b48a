using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Simd;
using Lguest.Jit.Core.Simd.Floating;
using Lguest.Jit.Core.State;
using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Interpreter.Simd;

/// <summary>register ← operation(register, operand).</summary>
internal readonly unsafe struct VectorInstruction<TOperation, TFile, TSource> : IInstruction
    where TOperation : struct, IVectorOperation
    where TFile : struct, ISimdFile
    where TSource : struct, ISimdSource
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TFile.Ready(cpu) || !TSource.Ready(cpu) || !TSource.Load(cpu, op, out Vector source))
        {
            return false;
        }

        TFile.Write(cpu, op->Destination, TOperation.Apply(TFile.Read(cpu, op->Destination), source));
        TFile.Touched(cpu);
        TSource.Touched(cpu);
        return true;
    }
}

/// <summary>register ← operation(register, operand, immediate).</summary>
internal readonly unsafe struct VectorImmediateInstruction<TOperation, TFile, TSource> : IInstruction
    where TOperation : struct, IVectorImmediateOperation
    where TFile : struct, ISimdFile
    where TSource : struct, ISimdSource
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TFile.Ready(cpu) || !TSource.Ready(cpu) || !TSource.Load(cpu, op, out Vector source))
        {
            return false;
        }

        TFile.Write(cpu, op->Destination, TOperation.Apply(TFile.Read(cpu, op->Destination), source, (byte)op->Immediate));
        TFile.Touched(cpu);
        TSource.Touched(cpu);
        return true;
    }
}

/// <summary>The same under MXCSR. Without MMX's pretence a memory operand does not count as a use of the x87 unit.</summary>
internal readonly unsafe struct FloatInstruction<TOperation, TFile, TSource> : IInstruction
    where TOperation : struct, IFloatOperation
    where TFile : struct, ISimdFile
    where TSource : struct, ISimdSource
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!XmmFile.Ready(cpu) || !TFile.Ready(cpu) || !TSource.Ready(cpu) || !TSource.Load(cpu, op, out Vector source))
        {
            return false;
        }

        Vector destination = TFile.Read(cpu, op->Destination);
        if (!TOperation.Apply(ref cpu->Simd.Mxcsr, destination, source, (byte)op->Immediate, out Vector result))
        {
            return Fault.Raise(cpu, Vectors.SimdFloatingPoint);
        }

        TFile.Write(cpu, op->Destination, result);
        TFile.Touched(cpu);
        TSource.Touched(cpu);
        return true;
    }
}

/// <summary>COMISS and UCOMISS (<see cref="Op.Immediate"/> not 0), single and double.</summary>
internal readonly unsafe struct OrderedCompareInstruction<T, TSource> : IInstruction
    where T : unmanaged
    where TSource : struct, ISimdSource
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!XmmFile.Ready(cpu) || !TSource.Load(cpu, op, out Vector source))
        {
            return false;
        }

        if (!OrderedCompare<T>.Apply(ref cpu->Simd.Mxcsr, cpu->Simd[op->Destination], source, op->Immediate != 0, out FloatRelation relation))
        {
            return Fault.Raise(cpu, Vectors.SimdFloatingPoint);
        }

        LazyFlags.Set(cpu, (uint)relation);
        return true;
    }
}

/// <summary>memory ← operation(register).</summary>
internal readonly unsafe struct SimdStore<TOperation, TFile, TSize> : IInstruction
    where TOperation : struct, IVectorOperation
    where TFile : struct, ISimdFile
    where TSize : struct, ISimdSize
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TFile.Ready(cpu) || !SimdMemory.Locate<TSize>(cpu, op, write: true, out uint linear))
        {
            return false;
        }

        Vector value = TFile.Read(cpu, op->Source);
        if (!SimdMemory.Write<TSize>(cpu, linear, TOperation.Apply(value, value)))
        {
            return false;
        }

        TFile.Touched(cpu);
        return true;
    }
}
