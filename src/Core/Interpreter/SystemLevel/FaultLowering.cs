using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter.SystemLevel;

/// <summary>Instructions that can do nothing but fault at CPL 1 and 3 (SDM vol. 3, §5.9), and those this CPU does not have.</summary>
internal static unsafe class FaultLowering
{
    public static void Register(Lower?[] table)
    {
        // CPL > 0, or CPL > IOPL = 0 for the last two lines; the Switcher emulates IN and OUT.
        Mnemonic[] privileged =
        [
            Mnemonic.Hlt, Mnemonic.Lgdt, Mnemonic.Lidt, Mnemonic.Lldt, Mnemonic.Ltr, Mnemonic.Lmsw, Mnemonic.Clts,
            Mnemonic.Invd, Mnemonic.Wbinvd, Mnemonic.Invlpg, Mnemonic.Rdpmc, Mnemonic.Cli, Mnemonic.Sti, Mnemonic.In, Mnemonic.Out,
            Mnemonic.Insb, Mnemonic.Insw, Mnemonic.Insd, Mnemonic.Outsb, Mnemonic.Outsw, Mnemonic.Outsd,
        ];
        foreach (Mnemonic mnemonic in privileged)
        {
            table[(int)mnemonic] = GeneralProtection;
        }

        table[(int)Mnemonic.Rsm] = InvalidOpcode;
        table[(int)Mnemonic.Syscall] = InvalidOpcode;
        table[(int)Mnemonic.Sysret] = InvalidOpcode;
    }

    public static void GeneralProtection(OpWriter w, in Instruction instruction) => End(w, typeof(RaiseGeneralProtection));

    public static void InvalidOpcode(OpWriter w, in Instruction instruction) => End(w, typeof(RaiseInvalidOpcode));

    /// <summary>Emits an instruction without operands that ends its block.</summary>
    public static void End(OpWriter w, Type instruction)
    {
        w.Emit(HandlerBinder.Branch(instruction));
        w.Ended = true;
    }
}

/// <summary>#GP(0).</summary>
internal readonly unsafe struct RaiseGeneralProtection : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op) => Fault.GeneralProtection(cpu);
}

/// <summary>#UD.</summary>
internal readonly unsafe struct RaiseInvalidOpcode : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op) => Fault.InvalidOpcode(cpu);
}
