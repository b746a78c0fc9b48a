using Lguest.Jit.Switcher.Tests.Rigs;

namespace Lguest.Jit.Switcher.Tests;

public sealed unsafe class GateTests
{
    private const uint Handler = 0xC1234567;

    [Fact]
    public void Idt_address_joins_the_halves_and_ignores_the_selector() =>
        Assert.Equal(Handler, InterruptsAndTraps.IdtAddress(0xFFFF4567, 0xC1238EFF));

    [Theory]
    [InlineData(0xFFFFFEFFu, 0xE)]
    [InlineData(0x00000F00u, 0xF)]
    [InlineData(0x0000E500u, 0x5)]
    public void Idt_type_is_bits_8_to_11_of_the_high_word(uint hi, int type) =>
        Assert.Equal(type, InterruptsAndTraps.IdtType(0xFFFFFFFF, hi));

    [Fact]
    public void Idt_present_is_bit_15_of_the_high_word()
    {
        Assert.True(InterruptsAndTraps.IdtPresent(0, 0x8000));
        Assert.False(InterruptsAndTraps.IdtPresent(0xFFFFFFFF, 0xFFFF7FFF));
    }

    [Fact]
    public void Set_trap_keeps_address_present_dpl_and_type_and_replaces_the_selector()
    {
        using Rig rig = new Rig().Initialised();
        rig.Call(HypercallNumbers.LoadIdtEntry, 0x80, 0xABCD4567, 0xC123FFFF);
        Assert.Equal(0x00614567u | (0xC123EF00UL << 32), rig.Cpu->Idt[0x80]);
        Assert.Null(rig.Machine.KillReason);
    }

    [Fact]
    public void Set_trap_stores_a_gate_that_is_not_present_as_zero_whatever_its_type()
    {
        using Rig rig = new Rig().Initialised();
        rig.LoadGate(6, Handler);
        rig.Call(HypercallNumbers.LoadIdtEntry, 6, 0xFFFFFFFF, 0xFFFF75FF);
        Assert.Equal(0UL, rig.Cpu->Idt[6]);
        Assert.Null(rig.Machine.KillReason);
    }

    [Fact]
    public void Set_trap_kills_for_every_type_but_interrupt_and_trap_gates()
    {
        for (uint type = 0; type < 16; type++)
        {
            using Rig rig = new Rig().Initialised();
            rig.LoadGate(6, Handler, type);
            Assert.Equal(type is 0xE or 0xF ? null : $"bad IDT type {type}", rig.Machine.KillReason);
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(8)]
    [InlineData(15)]
    [InlineData(31)]
    public void Load_guest_idt_entry_ignores_the_vectors_that_are_not_the_guests_before_any_check(uint vector)
    {
        using Rig rig = new Rig().Initialised();
        rig.LoadGate(vector, Handler, type: 5);
        rig.LoadGate(vector, Handler);
        Assert.Null(rig.Machine.KillReason);
        Assert.Equal(0UL, rig.Cpu->Idt[vector]);
    }

    [Theory]
    [InlineData(256u)]
    [InlineData(uint.MaxValue)]
    public void Load_guest_idt_entry_kills_beyond_the_table(uint vector)
    {
        using Rig rig = new Rig().Initialised();
        rig.LoadGate(vector, Handler);
        Assert.Equal($"Setting idt entry {vector}", rig.Machine.KillReason);
    }

    [Fact]
    public void Load_guest_idt_entry_can_fill_all_other_vectors()
    {
        using Rig rig = new Rig().Initialised();
        for (uint vector = 0; vector < 256; vector++)
        {
            rig.LoadGate(vector, Handler + vector, 0xF);
            bool ignored = vector is 2 or 8 or 15 or 31;
            Assert.Equal(ignored, rig.Cpu->Idt[vector] == 0);
        }
    }

    [Fact]
    public void Could_be_syscall_is_linux_and_what_the_options_name()
    {
        using Rig linux = new Rig();
        using Rig plan9 = new Rig(new GuestOptions { SyscallVector = 0x40 });
        for (int vector = 0; vector < 256; vector++)
        {
            Assert.Equal(vector == 0x80, linux.Interrupts.CouldBeSyscall(vector));
            Assert.Equal(vector is 0x80 or 0x40, plan9.Interrupts.CouldBeSyscall(vector));
        }
    }

    [Theory]
    [InlineData(0x80, 0x80u, true)]
    [InlineData(0x80, 0x40u, false)]
    [InlineData(0x40, 0x40u, true)]
    [InlineData(0x40, 0x80u, true)]
    [InlineData(0x80, 0x180u, false)]
    [InlineData(0x80, 0xFFFFFF80u, false)]
    public void Check_syscall_vector_asks_could_be_syscall(int option, uint wanted, bool good)
    {
        using Rig rig = new Rig(new GuestOptions { SyscallVector = option }).WithData();
        rig[Rig.DataAt + LguestData.SyscallVec] = wanted;
        rig.Call(HypercallNumbers.LguestInit, Rig.DataAt);
        Assert.Equal(good ? null : "bad syscall vector", rig.Machine.KillReason);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(31)]
    [InlineData(256)]
    public void Init_interrupts_refuses_a_syscall_vector_that_no_host_could_reserve(int vector) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new Rig(new GuestOptions { SyscallVector = vector }));

    [Fact]
    public void Direct_trap_is_exceptions_and_the_syscall_but_not_what_the_host_must_see()
    {
        using Rig rig = new Rig(new GuestOptions { SyscallVector = 0x40 });
        for (int vector = 0; vector < 256; vector++)
        {
            bool direct = (vector < 32 && vector is not (7 or 13 or 14 or 31)) || vector is 0x40 or 0x80;
            Assert.Equal(direct, rig.Interrupts.DirectTrap(vector));
        }
    }

    [Fact]
    public void Setup_default_idt_entries_lets_nothing_through_but_the_hypercall_of_ring_1()
    {
        using Rig rig = new Rig().Initialised();
        for (int vector = 0; vector < 256; vector++)
        {
            Assert.Equal(vector == 31, rig.Interrupts.MayInterrupt(vector));
        }

        rig.InUserMode();
        for (int vector = 0; vector < 256; vector++)
        {
            Assert.False(rig.Interrupts.MayInterrupt(vector));
        }
    }

    [Theory]
    [InlineData(0xEu)]
    [InlineData(0xFu)]
    public void Default_idt_entry_takes_the_dpl_of_the_guests_gate(uint type)
    {
        for (uint dpl = 0; dpl < 4; dpl++)
        {
            using Rig rig = new Rig().Initialised();
            rig.LoadGate(3, Handler, type, dpl);
            Assert.Equal(dpl >= 1, rig.Interrupts.MayInterrupt(3));
            rig.InUserMode();
            Assert.Equal(dpl == 3, rig.Interrupts.MayInterrupt(3));
        }
    }

    [Fact]
    public void Copy_traps_gives_the_whole_permission_table()
    {
        foreach (int syscall in (int[])[0x80, 0x40])
        {
            using Rig rig = new Rig(new GuestOptions { SyscallVector = syscall }).Initialised();
            foreach (uint cpl in (uint[])[1, 3])
            {
                rig.Cpu->Cpl = cpl;
                foreach (uint type in (uint[])[0xE, 0xF])
                {
                    for (uint dpl = 0; dpl <= 4; dpl++)
                    {
                        for (uint vector = 0; vector < 256; vector++)
                        {
                            LoadGateOrNone(rig, vector, type, dpl);
                        }

                        for (int vector = 0; vector < 256; vector++)
                        {
                            Assert.Equal(Allowed(vector, (int)cpl, dpl, syscall), rig.Interrupts.MayInterrupt(vector));
                        }
                    }
                }
            }
        }
    }

    [Fact]
    public void Copy_traps_forgets_a_gate_that_was_taken_away()
    {
        using Rig rig = new Rig().Initialised();
        rig.LoadGate(0x80, Handler, dpl: 3);
        Assert.True(rig.Interrupts.MayInterrupt(0x80));
        rig.Interrupts.LoadGuestIdtEntry(0x80, 0, 0);
        Assert.False(rig.Interrupts.MayInterrupt(0x80));
    }

    /// <summary>A DPL of 4 stands for "no gate".</summary>
    private static void LoadGateOrNone(Rig rig, uint vector, uint type, uint dpl)
    {
        if (dpl == 4)
        {
            rig.Interrupts.LoadGuestIdtEntry(vector, 0, 0);
        }
        else
        {
            rig.LoadGate(vector, Handler, type, dpl);
        }
    }

    /// <summary>ABI sheet §5.8, written from the table.</summary>
    private static bool Allowed(int vector, int cpl, uint dpl, int syscall) => vector switch
    {
        31 => cpl == 1,
        7 or 13 or 14 => false,
        2 or 8 or 15 => false,
        < 32 => dpl != 4 && dpl >= cpl,
        _ => (vector == 0x80 || vector == syscall) && dpl != 4 && dpl >= cpl,
    };
}
