using Iced.Intel;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.SystemLevel;

/// <summary>LAR, LSL, VERR, VERW, ARPL (SDM vol. 2; vol. 3, §5.10). They answer in ZF and never fault for a bad selector.</summary>
internal static unsafe class DescriptorQueries
{
    /// <summary>System types that LAR knows: TSSs, LDT, call and task gates.</summary>
    private const uint TypesOfLar = 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 9 | 1u << 11 | 1u << 12;

    /// <summary>System types that have a limit.</summary>
    private const uint TypesOfLsl = 1u << 1 | 1u << 2 | 1u << 3 | 1u << 9 | 1u << 11;

    public static void Register(Lower?[] table)
    {
        table[(int)Mnemonic.Lar] = static (OpWriter w, in Instruction i) => Emit(w, in i, typeof(LoadAccessRights), 1);
        table[(int)Mnemonic.Lsl] = static (OpWriter w, in Instruction i) => Emit(w, in i, typeof(LoadSegmentLimit), 1);
        table[(int)Mnemonic.Verr] = static (OpWriter w, in Instruction i) => Emit(w, in i, typeof(VerifyRead), 0);
        table[(int)Mnemonic.Verw] = static (OpWriter w, in Instruction i) => Emit(w, in i, typeof(VerifyWrite), 0);
        table[(int)Mnemonic.Arpl] = static (OpWriter w, in Instruction i) =>
        {
            ref Op op = ref w.Emit(HandlerBinder.Plain(typeof(AdjustRpl)));
            RareOperand.Describe(w, in i, 0, ref op);
            op.Destination = w.OperandOffset(1);
            op.Traits |= OpTraits.Operand16;
        };
    }

    /// <summary>The descriptor if there is one of a known type that CPL and RPL may see.</summary>
    public static bool Visible(GuestCpu* cpu, uint selector, uint systemTypes, out ulong descriptor)
    {
        if (!Segments.TryDescriptor(cpu, selector, out descriptor))
        {
            return false;
        }

        bool system = !Segments.IsCodeOrData(descriptor);
        if (system && (systemTypes >> (int)((descriptor >> 40) & 15) & 1) == 0)
        {
            return false;
        }

        bool conforming = Segments.IsCode(descriptor) && Segments.IsConforming(descriptor);
        return conforming || Math.Max(cpu->Cpl, selector & 3) <= (uint)Segments.Dpl(descriptor);
    }

    public static bool VisibleToLar(GuestCpu* cpu, uint selector, out ulong descriptor) => Visible(cpu, selector, TypesOfLar, out descriptor);

    public static bool VisibleToLsl(GuestCpu* cpu, uint selector, out ulong descriptor) => Visible(cpu, selector, TypesOfLsl, out descriptor);

    public static void SetZero(GuestCpu* cpu, bool zero) => LazyFlags.Merge(cpu, Eflags.Zero, zero ? Eflags.Zero : 0);

    /// <summary>Writes the register in <see cref="Op.Destination"/> in the operand size.</summary>
    public static void SetDestination(GuestCpu* cpu, Op* op, uint value)
    {
        if ((op->Traits & OpTraits.Operand16) != 0)
        {
            Registers.Set<W16>(cpu, op->Destination, value);
        }
        else
        {
            Registers.Set32(cpu, op->Destination, value);
        }
    }

    private static void Emit(OpWriter w, in Instruction instruction, Type type, int selectorOperand)
    {
        ref Op op = ref w.Emit(HandlerBinder.Plain(type));
        RareOperand.Describe(w, in instruction, selectorOperand, ref op);
        if (selectorOperand == 1)
        {
            op.Destination = w.OperandOffset(0);
            if (w.OperandSize(0) == 2)
            {
                op.Traits |= OpTraits.Operand16;
            }
        }
    }
}

/// <summary>LAR.</summary>
internal readonly unsafe struct LoadAccessRights : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!RareOperand.Read<W16>(cpu, op, out uint selector))
        {
            return false;
        }

        bool visible = DescriptorQueries.VisibleToLar(cpu, selector, out ulong descriptor);
        if (visible)
        {
            DescriptorQueries.SetDestination(cpu, op, (uint)(descriptor >> 32) & 0x00FFFF00);
        }

        DescriptorQueries.SetZero(cpu, visible);
        return true;
    }
}

/// <summary>LSL: the limit in bytes.</summary>
internal readonly unsafe struct LoadSegmentLimit : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!RareOperand.Read<W16>(cpu, op, out uint selector))
        {
            return false;
        }

        bool visible = DescriptorQueries.VisibleToLsl(cpu, selector, out ulong descriptor);
        if (visible)
        {
            DescriptorQueries.SetDestination(cpu, op, Segments.Limit(descriptor));
        }

        DescriptorQueries.SetZero(cpu, visible);
        return true;
    }
}

/// <summary>VERR.</summary>
internal readonly unsafe struct VerifyRead : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!RareOperand.Read<W16>(cpu, op, out uint selector))
        {
            return false;
        }

        DescriptorQueries.SetZero(cpu, DescriptorQueries.Visible(cpu, selector, 0, out ulong descriptor)
            && (!Segments.IsCode(descriptor) || Segments.IsReadableOrWritable(descriptor)));
        return true;
    }
}

/// <summary>VERW.</summary>
internal readonly unsafe struct VerifyWrite : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!RareOperand.Read<W16>(cpu, op, out uint selector))
        {
            return false;
        }

        DescriptorQueries.SetZero(cpu, DescriptorQueries.Visible(cpu, selector, 0, out ulong descriptor)
            && !Segments.IsCode(descriptor) && Segments.IsReadableOrWritable(descriptor));
        return true;
    }
}

/// <summary>ARPL: raises the RPL of a selector to that of another one.</summary>
internal readonly unsafe struct AdjustRpl : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        if (!RareOperand.Read<W16>(cpu, op, out uint selector))
        {
            return false;
        }

        uint rpl = Registers.Get<W16>(cpu, op->Destination) & 3;
        bool lower = (selector & 3) < rpl;
        if (lower && !RareOperand.Write16(cpu, op, (selector & ~3u) | rpl))
        {
            return false;
        }

        DescriptorQueries.SetZero(cpu, lower);
        return true;
    }
}
