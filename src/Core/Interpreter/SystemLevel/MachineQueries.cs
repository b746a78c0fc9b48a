using System.Buffers.Binary;
using Iced.Intel;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.SystemLevel;

/// <summary>
/// CPUID, RDTSC, and SGDT SIDT SLDT STR SMSW, which show at any privilege what lguest's Switcher has loaded
/// (ABI sheet §1.3): fixed values, with tables that lie where no Guest can look.
/// </summary>
internal static unsafe class MachineQueries
{
    public const uint GdtBase = 0xFFC02000;
    public const ushort GdtLimit = 0xFF;
    public const uint IdtBase = 0xFFC02100;
    public const ushort IdtLimit = 0x7FF;
    public const ushort TaskRegister = 0x80;

    /// <summary>PE MP ET NE WP AM PG; TS comes and goes.</summary>
    public const uint Cr0 = 0x80050033;
    public const uint Cr0TaskSwitched = 8;

    public static void Register(Lower?[] table)
    {
        table[(int)Mnemonic.Cpuid] = static (OpWriter w, in Instruction _) => w.Emit(HandlerBinder.Plain(typeof(IdentifyCpu)));
        table[(int)Mnemonic.Rdtsc] = static (OpWriter w, in Instruction _) => w.Emit(HandlerBinder.Plain(typeof(ReadTimeStamp)));
        table[(int)Mnemonic.Sgdt] = static (OpWriter w, in Instruction _) => Table(w, GdtBase, GdtLimit);
        table[(int)Mnemonic.Sidt] = static (OpWriter w, in Instruction _) => Table(w, IdtBase, IdtLimit);
        table[(int)Mnemonic.Sldt] = static (OpWriter w, in Instruction i) => Word(w, in i, typeof(StoreWord), 0);
        table[(int)Mnemonic.Str] = static (OpWriter w, in Instruction i) => Word(w, in i, typeof(StoreWord), TaskRegister);
        table[(int)Mnemonic.Smsw] = static (OpWriter w, in Instruction i) => Word(w, in i, typeof(StoreMachineStatus), 0);
    }

    private static void Table(OpWriter w, uint tableBase, ushort limit)
    {
        ref Op op = ref w.Emit(HandlerBinder.Plain(typeof(StoreTableRegister)));
        op.Immediate = tableBase;
        op.Info = limit;
    }

    private static void Word(OpWriter w, in Instruction instruction, Type type, uint value)
    {
        ref Op op = ref w.Emit(HandlerBinder.Plain(type));
        RareOperand.Describe(w, in instruction, 0, ref op);
        op.Immediate = value;
        if (w.OperandSize(0) == 2)
        {
            op.Traits |= OpTraits.Operand16;
        }
    }
}

/// <summary>SGDT, SIDT: 2 bytes of limit, 4 of base.</summary>
internal readonly unsafe struct StoreTableRegister : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        Span<byte> image = stackalloc byte[6];
        BinaryPrimitives.WriteUInt16LittleEndian(image, op->Info);
        BinaryPrimitives.WriteUInt32LittleEndian(image[2..], op->Immediate);
        return Access.Linear(cpu, op->Segment, AddressGeneral.Offset(cpu, op), 6, write: true, out uint linear)
            && ColdAccess.WriteBytes(cpu, linear, image);
    }
}

/// <summary>SLDT, STR.</summary>
internal readonly unsafe struct StoreWord : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op) => RareOperand.Write16(cpu, op, op->Immediate);
}

/// <summary>SMSW: to a 32-bit register all of CR0 goes.</summary>
internal readonly unsafe struct StoreMachineStatus : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op) =>
        RareOperand.Write16(cpu, op, MachineQueries.Cr0 | (cpu->Ts != 0 ? MachineQueries.Cr0TaskSwitched : 0));
}

/// <summary>CPUID.</summary>
internal readonly unsafe struct IdentifyCpu : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        CpuIdLeaf leaf = CpuIdTable.Leaf(cpu->Gpr[Reg.Eax], cpu->FastCall.Enabled != 0);
        cpu->Gpr[Reg.Eax] = leaf.Eax;
        cpu->Gpr[Reg.Ebx] = leaf.Ebx;
        cpu->Gpr[Reg.Ecx] = leaf.Ecx;
        cpu->Gpr[Reg.Edx] = leaf.Edx;
        return true;
    }
}

/// <summary>RDTSC: unprivileged, since CR4.TSD is 0 under lguest.</summary>
internal readonly unsafe struct ReadTimeStamp : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        ulong now = GuestMachine.Of(cpu).Clock.ReadTsc(Flow.RetiredBefore(cpu, op));
        cpu->Gpr[Reg.Eax] = (uint)now;
        cpu->Gpr[Reg.Edx] = (uint)(now >> 32);
        return true;
    }
}
