using System.Runtime.CompilerServices;
using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Interpreter.ControlFlow;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Traps;

/// <summary>
/// SYSENTER, SYSEXIT and the three registers that they go by (SDM vol. 2; vol. 3, §5.8.7), for Guests that were promised them
/// (<c>--sysenter</c>, design §12.10). lguest kept its Guests away from them: under it, and here without the option, all of this is
/// #GP(0).
/// </summary>
/// <remarks>
/// What differs from silicon: ring 1 stands for ring 0; IF is <c>irq_enabled</c>, so entering clears that; and whatever is written to
/// SYSENTER_CS, the selectors are the Guest's own kernel's and user's (0x61, 0x69, 0x73, 0x7B).
/// </remarks>
internal static unsafe class FastSystemCall
{
    private const uint CsRegister = 0x174;
    private const uint EspRegister = 0x175;
    private const uint EipRegister = 0x176;

    /// <summary>Attributes of a flat 32-bit segment of ring 0.</summary>
    private const ushort FlatCode = 0xC09B;
    private const ushort FlatData = 0xC093;
    private const int KernelRing = 1;

    public static void Register(Lower?[] table)
    {
        table[(int)Mnemonic.Sysenter] = static (OpWriter w, in Instruction _) => Emit(w, nameof(Enter));
        table[(int)Mnemonic.Sysexit] = static (OpWriter w, in Instruction _) => Emit(w, nameof(Exit));
        table[(int)Mnemonic.Rdmsr] = static (OpWriter w, in Instruction _) => w.Emit(HandlerBinder.Plain(typeof(ReadModelSpecific)));
        table[(int)Mnemonic.Wrmsr] = static (OpWriter w, in Instruction _) => w.Emit(HandlerBinder.Plain(typeof(WriteModelSpecific)));
    }

    /// <summary>SYSENTER, from any ring. Nothing is pushed; the registers say where to go.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* Enter(GuestCpu* cpu, Op* op)
    {
        ref FastSystemCallState state = ref cpu->FastCall;
        if (state.Enabled == 0 || (state.Cs & 0xFFFC) == 0 || !DisableInterrupts(cpu))
        {
            return Refuse(cpu, op);
        }

        Load(cpu, Seg.Cs, 0x61, FlatCode, KernelRing);
        Load(cpu, Seg.Ss, 0x69, FlatData, KernelRing);
        cpu->SystemFlags &= ~(Eflags.Virtual8086 | Eflags.Resume);
        cpu->Gpr[Reg.Esp] = state.Esp;
        return Arrive(cpu, KernelRing, state.Eip);
    }

    /// <summary>SYSEXIT, from the kernel: eip is in edx, esp in ecx.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Op* Exit(GuestCpu* cpu, Op* op)
    {
        ref FastSystemCallState state = ref cpu->FastCall;
        if (state.Enabled == 0 || (state.Cs & 0xFFFC) == 0 || cpu->Cpl != KernelRing)
        {
            return Refuse(cpu, op);
        }

        Load(cpu, Seg.Cs, 0x73, FlatCode, 3);
        Load(cpu, Seg.Ss, 0x7B, FlatData, 3);
        cpu->Gpr[Reg.Esp] = cpu->Gpr[Reg.Ecx];
        return Arrive(cpu, 3, cpu->Gpr[Reg.Edx]);
    }

    /// <summary>May the code that runs touch this register? (Only with the option, in the kernel, and these three.)</summary>
    public static uint* Find(GuestCpu* cpu, uint number)
    {
        if (cpu->FastCall.Enabled == 0 || cpu->Cpl != KernelRing)
        {
            return null;
        }

        return number switch
        {
            CsRegister => &cpu->FastCall.Cs,
            EspRegister => &cpu->FastCall.Esp,
            EipRegister => &cpu->FastCall.Eip,
            _ => null,
        };
    }

    private static void Emit(OpWriter w, string handler)
    {
        ref Op op = ref w.Emit(HandlerBinder.Bind(typeof(FastSystemCall), handler));
        w.EmitLink(op.NextEip);
        w.Ended = true;
    }

    /// <summary>Fixed descriptors, not the table's: that is what makes these instructions fast on silicon, too.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Load(GuestCpu* cpu, int number, ushort selector, ushort attributes, int ring) =>
        *GuestCpu.Segment(cpu, number) = new SegmentRegister { Limit = uint.MaxValue, Selector = selector, Attributes = (ushort)(attributes | (ring << 5)) };

    /// <summary>CS and SS are loaded: the rest of what belongs to a ring, and on to its code.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Op* Arrive(GuestCpu* cpu, uint ring, uint eip)
    {
        CpuMode mode = ring == 3 ? CpuMode.User : CpuMode.None;
        if ((cpu->Mode & ~CpuMode.User) != 0 || (cpu->SystemFlags & (Eflags.Trap | Eflags.AlignmentCheck)) != 0)
        {
            return ArriveSlowly(cpu, ring, eip);
        }

        // DS and ES were flat, and have not changed. One of the modes is 1, the other 0: a step forwards, back, or none.
        cpu->Cpl = ring;
        nint distance = ((int)mode - (int)cpu->Mode) * AddressSpace.UserTableDistance;
        cpu->ReadTable += distance;
        cpu->WriteTable += distance;
        cpu->Mode = mode;
        return Links.Jump(cpu, eip);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Op* ArriveSlowly(GuestCpu* cpu, uint ring, uint eip)
    {
        DeferredFlags.Settle(cpu);
        cpu->Cpl = ring;
        Segments.UpdateMode(cpu);
        GuestMachine.Of(cpu).Mmu.Activate(cpu);
        cpu->Eip = eip;
        if ((cpu->SystemFlags & Eflags.Trap) != 0)
        {
            // Single steps are the engine's loop's to count.
            return Flow.Dispatch(cpu);
        }

        return Links.Jump(cpu, eip);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool DisableInterrupts(GuestCpu* cpu)
    {
        if (cpu->Direct.IrqEnabled == null || (*cpu->Direct.CodeLines & cpu->Direct.CodeLineMask) != 0)
        {
            return DisableInterruptsSlowly(cpu);
        }

        *cpu->Direct.IrqEnabled = 0;
        return true;
    }

    /// <summary>Where the word lies awkwardly, or beside code that has to hear of it; false before LGUEST_INIT.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool DisableInterruptsSlowly(GuestCpu* cpu)
    {
        bool done = cpu->FastCall.Initialised != 0 && GuestMachine.Of(cpu).Ram.TryWrite32(cpu->LguestData, 0);

        // The store may have cut blocks that lie beside the word; ours is over anyway.
        cpu->Cut = ExitReason.Continue;
        return done;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Op* Refuse(GuestCpu* cpu, Op* op)
    {
        _ = Fault.GeneralProtection(cpu);
        return Flow.Faulted(cpu, op);
    }
}

/// <summary>RDMSR.</summary>
internal readonly unsafe struct ReadModelSpecific : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        uint* register = FastSystemCall.Find(cpu, cpu->Gpr[Reg.Ecx]);
        if (register == null)
        {
            return Fault.GeneralProtection(cpu);
        }

        cpu->Gpr[Reg.Eax] = *register;
        cpu->Gpr[Reg.Edx] = 0;
        return true;
    }
}

/// <summary>WRMSR. The upper halves of these registers do not exist.</summary>
internal readonly unsafe struct WriteModelSpecific : IInstruction
{
    public static bool Execute(GuestCpu* cpu, Op* op)
    {
        uint* register = FastSystemCall.Find(cpu, cpu->Gpr[Reg.Ecx]);
        if (register == null)
        {
            return Fault.GeneralProtection(cpu);
        }

        *register = cpu->Gpr[Reg.Eax];
        return true;
    }
}
