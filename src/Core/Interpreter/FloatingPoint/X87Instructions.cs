using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Fpu;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.FloatingPoint;

/// <summary>One x87 instruction, whichever: its opcode bytes stand in <see cref="Op.Info"/>.</summary>
internal readonly unsafe struct X87Instruction : IInstruction
{
    /// <summary>By the low 11 bits of the opcode bytes, and 0x800 more for 16-bit operands.</summary>
    private static readonly X87Operation[] s_operations = Classify();

    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (cpu->Ts != 0)
        {
            return Fault.Raise(cpu, Vectors.DeviceNotAvailable);
        }

        ref readonly X87Operation operation = ref s_operations[(op->Info & 0x7FF) | ((op->Traits & OpTraits.Operand16) != 0 ? 0x800 : 0)];
        if (!operation.IsValid)
        {
            return Fault.InvalidOpcode(cpu);
        }

        ref FpuState fpu = ref cpu->Fpu;
        if (operation.Waits && X87.PendingException(fpu))
        {
            return Fault.Raise(cpu, Vectors.FloatingPoint);
        }

        int width = operation.Width;
        byte* buffer = stackalloc byte[X87.SaveImage32];
        var memory = new Span<byte>(buffer, width);
        uint offset = 0;
        uint linear = 0;
        if (width != 0)
        {
            offset = AddressGeneral.Offset(cpu, op);
            if (!Access.Linear(cpu, op->Segment, offset, (uint)width, operation.IsStore, out linear)
                || !(operation.IsStore ? ColdAccess.ProbeWrite(cpu, linear, width) : ColdAccess.ReadBytes(cpu, linear, memory)))
            {
                return false;
            }
        }

        X87.RecordPointers(
            ref fpu, operation, GuestCpu.Segment(cpu, Seg.Cs)->Selector, op->Eip, GuestCpu.Segment(cpu, op->Segment)->Selector, offset);
        X87Result result = X87.Execute(ref fpu, operation, memory, LazyFlags.Materialise(cpu));
        if (result.SetsFlags)
        {
            LazyFlags.Merge(cpu, X87.ComparisonFlags, result.Flags);
        }
        else if (result.SetsAx)
        {
            Registers.Set<W16>(cpu, 4 * Reg.Eax, result.Ax);
        }

        // Probed above, so this write cannot fault any more.
        return !result.Store || ColdAccess.WriteBytes(cpu, linear, memory);
    }

    private static X87Operation[] Classify()
    {
        var operations = new X87Operation[0x1000];
        for (int i = 0; i < operations.Length; i++)
        {
            operations[i] = X87Decoder.Classify((byte)(0xD8 | ((i >> 8) & 7)), (byte)i, operandSize16: (i & 0x800) != 0);
        }

        return operations;
    }
}

/// <summary>WAIT: lguest has CR0.MP set, so TS traps it too.</summary>
internal readonly unsafe struct WaitForFpu : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (cpu->Ts != 0)
        {
            return Fault.Raise(cpu, Vectors.DeviceNotAvailable);
        }

        return !X87.PendingException(cpu->Fpu) || Fault.Raise(cpu, Vectors.FloatingPoint);
    }
}

/// <summary>What FXSAVE and FXRSTOR share.</summary>
internal static unsafe class ExtendedImage
{
    /// <summary>The architectural image, for the segment's limit.</summary>
    public const int Size = 512;

    /// <summary>The part that this CPU knows: x87, and zeros where MXCSR would be.</summary>
    public const int Used = 160;

    /// <summary>Up to the end of XMM7, zeros while there is no SSE; what follows is reserved or software's own.</summary>
    public const int Written = 288;

    /// <summary>#NM, the segment, and #GP(0) unless 16-byte aligned.</summary>
    public static bool Locate(GuestCpu* cpu, Op* op, bool write, out uint linear)
    {
        linear = 0;
        if (cpu->Ts != 0)
        {
            return Fault.Raise(cpu, Vectors.DeviceNotAvailable);
        }

        return Access.Linear(cpu, op->Segment, AddressGeneral.Offset(cpu, op), Size, write, out linear)
            && ((linear & 15) == 0 || Fault.GeneralProtection(cpu));
    }
}

/// <summary>FXSAVE.</summary>
internal readonly unsafe struct SaveExtended : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        Span<byte> image = stackalloc byte[ExtendedImage.Written];
        image.Clear();
        if (!ExtendedImage.Locate(cpu, op, write: true, out uint linear) || !ColdAccess.ProbeWrite(cpu, linear, ExtendedImage.Size))
        {
            return false;
        }

        X87.Fxsave(ref cpu->Fpu, image);
        return ColdAccess.WriteBytes(cpu, linear, image);
    }
}

/// <summary>FXRSTOR.</summary>
internal readonly unsafe struct RestoreExtended : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        Span<byte> image = stackalloc byte[ExtendedImage.Used];
        if (!ExtendedImage.Locate(cpu, op, write: false, out uint linear) || !ColdAccess.ReadBytes(cpu, linear, image))
        {
            return false;
        }

        X87.Fxrstor(ref cpu->Fpu, image);
        return true;
    }
}
