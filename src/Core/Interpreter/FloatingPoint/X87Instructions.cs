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
