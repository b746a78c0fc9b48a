using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter.ControlFlow;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Snapshots;

/// <summary>
/// A place to come back to: CPU, MMU and RAM of one machine. RAM is not copied; <see cref="Memory.DirtyPages"/> keeps what is overwritten
/// from here on. There is one such place at a time for each machine.
/// </summary>
internal sealed unsafe class MachineSnapshot
{
    private readonly GuestMachine _machine;
    private readonly byte[] _cpu = new byte[sizeof(GuestCpu)];
    private readonly StateArchive _mmu = new();
    private readonly TlbSnapshot _entries;
    private readonly string? _killReason;

    /// <summary>Takes it. To be called right after a checkpoint; no engine may be running.</summary>
    public MachineSnapshot(GuestMachine machine)
    {
        _machine = machine;
        machine.Mmu.Dirty!.Anchor();
        new ReadOnlySpan<byte>(machine.Cpu, _cpu.Length).CopyTo(_cpu);
        _mmu.BeginSave();
        machine.Mmu.ExchangeState(_mmu);
        _entries = machine.Mmu.SaveEntries();
        _killReason = machine.KillReason;
    }

    /// <summary>Back to it, as often as one likes, until another one is taken.</summary>
    /// <param name="code">Told of code that changes by this.</param>
    public void Restore(ICodeWriteObserver? code)
    {
        GuestCpu* cpu = _machine.Cpu;
        int attention = Volatile.Read(ref cpu->Attention);
        _machine.Mmu.Dirty!.Rollback(code);
        _machine.Mmu.RestoreEntries(_entries);
        _mmu.BeginLoad();
        _machine.Mmu.ExchangeState(_mmu);

        // Pointers in the struct lead to what never moves; those that lead into blocks and translated code must not outlive them.
        _cpu.CopyTo(new Span<byte>(cpu, _cpu.Length));
        cpu->PendingLink = null;
        ReturnLinks.Clear(cpu);
        cpu->Attention = attention;
        _machine.Mmu.Activate(cpu);
        _machine.Revive(_killReason);
    }
}
