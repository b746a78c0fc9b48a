using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Tests.Machine;

/// <summary>A machine that has been through a life, and is reset, is as good as new.</summary>
public sealed unsafe class MachineResetTests
{
    private const uint Directory = 0x8000;
    private const uint Table = 0x9000;

    [Fact]
    public void A_killed_machine_lives_again()
    {
        using var machine = new GuestMachine(2 << 20, new NoClock());
        machine.Kill("first");
        machine.Reset();
        Assert.Null(machine.KillReason);
        machine.Kill("second");
        Assert.Equal("second", machine.KillReason);
    }

    [Fact]
    public void A_reset_ends_paging_and_forgets_every_translation()
    {
        using var machine = new GuestMachine(2 << 20, new NoClock());
        machine.Mmu.KernelAddress = 0xC0000000;
        for (uint directory = Directory; directory < Directory + 0x4000; directory += 0x2000)
        {
            Assert.True(machine.Ram.TryWrite32(directory, (directory + 0x1000) | 0x67));
            Assert.True(machine.Ram.TryWrite32(directory + 0x1000 + 4 * 5, 0x00012067));
            machine.Mmu.SetPageDirectory(machine.Cpu, directory, trusted: true);
            Assert.True(ColdAccess.Translate(machine, 0x5123, write: true, user: false, out uint physical));
            Assert.Equal(0x12123u, physical);
        }

        machine.Reset();
        Assert.False(machine.Mmu.Paging);
        Assert.Equal(uint.MaxValue, machine.Mmu.KernelAddress);
        Assert.Equal(0ul, machine.Cpu->ReadTable[5]);
        Assert.Equal(0ul, machine.Cpu->WriteTable[5]);
        Assert.True(ColdAccess.Translate(machine, 0x5123, write: true, user: false, out uint linear));
        Assert.Equal(0x5123u, linear);

        // A directory of the life before, with another entry in it now.
        Assert.True(machine.Ram.TryWrite32(Table + 4 * 5, 0x00013067));
        machine.Mmu.SetPageDirectory(machine.Cpu, Directory, trusted: true);
        Assert.Equal(0ul, machine.Cpu->ReadTable[5]);
        Assert.True(ColdAccess.Translate(machine, 0x5123, write: true, user: false, out uint moved));
        Assert.Equal(0x13123u, moved);
    }

    [Fact]
    public void A_reset_clears_what_hypercalls_have_set()
    {
        using var machine = new GuestMachine(2 << 20, new NoClock());
        GuestCpu* cpu = machine.Cpu;
        cpu->Gpr[Reg.Esp] = 1;
        cpu->Eip = 2;
        cpu->Retired = 3;
        cpu->NoirqIret = 4;
        cpu->LguestData = 5;
        cpu->Ss1 = 6;
        cpu->Esp1 = 7;
        cpu->Ts = 8;
        cpu->Halted = 1;
        cpu->Cpl = 3;
        cpu->Idt[14] = 9;
        cpu->Gdt[6] = 10;
        machine.Reset();
        Assert.Equal((0u, 0u, 0L), (cpu->Gpr[Reg.Esp], cpu->Eip, machine.Retired));
        Assert.Equal((uint.MaxValue, 0u), (cpu->NoirqIret, cpu->LguestData));
        Assert.Equal((0u, 0u, 0u, 0u, 1u), (cpu->Ss1, cpu->Esp1, cpu->Ts, cpu->Halted, cpu->Cpl));
        Assert.Equal((0ul, 0ul), (cpu->Idt[14], cpu->Gdt[6]));
    }
}
