using System.Runtime.Intrinsics;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Fpu;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.Simd;
using Lguest.Jit.Core.State;
using Vector = System.Runtime.Intrinsics.Vector128<byte>;

namespace Lguest.Jit.Core.Interpreter.Simd;

/// <summary>EMMS.</summary>
internal readonly unsafe struct EmptyMmx : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!MmxFile.Ready(cpu))
        {
            return false;
        }

        X87.Emms(ref cpu->Fpu);
        return true;
    }
}

/// <summary>LDMXCSR. What it unmasks waits for the next operation that raises it.</summary>
internal readonly unsafe struct LoadMxcsr : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!XmmFile.Ready(cpu) || !MemorySource<Size4>.Load(cpu, op, out Vector value))
        {
            return false;
        }

        uint mxcsr = value.AsUInt32().ToScalar();
        if ((mxcsr & ~Mxcsr.Writable) != 0)
        {
            return Fault.GeneralProtection(cpu);
        }

        cpu->Simd.Mxcsr = mxcsr;
        return true;
    }
}

/// <summary>STMXCSR.</summary>
internal readonly unsafe struct StoreMxcsr : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op) =>
        XmmFile.Ready(cpu)
        && SimdMemory.Locate<Size4>(cpu, op, write: true, out uint linear)
        && SimdMemory.Write<Size4>(cpu, linear, Vector128.CreateScalar(cpu->Simd.Mxcsr).AsByte());
}

/// <summary>MASKMOVQ and MASKMOVDQU: those bytes of the first register whose mask byte has its top bit set.</summary>
internal readonly unsafe struct MaskedStore<TFile, TSize> : IInstruction
    where TFile : struct, ISimdFile
    where TSize : struct, ISimdSize
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!TFile.Ready(cpu) || !SimdMemory.Locate<TSize>(cpu, op, write: true, out uint linear))
        {
            return false;
        }

        // Zeros above an MMX register's eight bytes select nothing.
        uint selected = TFile.Read(cpu, op->Source).ExtractMostSignificantBits();
        Vector value = TFile.Read(cpu, op->Destination);
        for (int i = 0; i < TSize.Bytes; i++)
        {
            if ((selected >> i & 1) != 0 && !ColdAccess.ProbeWrite(cpu, linear + (uint)i, 1))
            {
                return false;
            }
        }

        for (int i = 0; i < TSize.Bytes; i++)
        {
            if ((selected >> i & 1) != 0 && !ColdAccess.Write(cpu, linear + (uint)i, 1, value.GetElement(i)))
            {
                return false;
            }
        }

        TFile.Touched(cpu);
        return true;
    }
}

/// <summary>CLFLUSH: nothing to flush, but the byte must be readable.</summary>
internal readonly unsafe struct FlushLine : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        Span<byte> line = stackalloc byte[1];
        return Access.Linear(cpu, op->Segment, AddressGeneral.Offset(cpu, op), 1, write: false, out uint linear)
            && ColdAccess.ReadBytes(cpu, linear, line);
    }
}
