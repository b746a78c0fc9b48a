using Iced.Intel;
using Lguest.Jit.Switcher.Tests.EndToEnd;
using static Iced.Intel.AssemblerRegisters;
using static Lguest.Jit.Switcher.Tests.Direct.Recorded;

namespace Lguest.Jit.Switcher.Tests.Direct;

/// <summary>irq_enabled, which entering through an interrupt gate clears, and interrupts that wait for it to be set again.</summary>
public sealed class DirectInterruptFlagTests
{
    /// <summary>
    /// Code in irq_enabled itself: "inc edx; ret" becomes "add [eax], al" twice when an interrupt gate clears the word, and that must
    /// be what runs then.
    /// </summary>
    [Fact]
    public void Code_made_of_irq_enabled_is_noticed_when_a_gate_clears_it()
    {
        const uint Scratch = AssembledGuest.Log + 0x20;
        const uint IncEdxAndReturn = 0x9090C342;
        const uint Returns = 0xC3C3C3C3;
        var scene = new TrapScene
        {
            Gates = { [6] = 0xEE00 },
            OnSyscall = static c =>
            {
                c.mov(__dword_ptr[AssembledGuest.Blocked], Returns);
                c.mov(__dword_ptr[AssembledGuest.IrqEnabled], IncEdxAndReturn);
                c.mov(eax, Scratch);
                c.mov(__dword_ptr[eax], 0);
                c.xor(edx, edx);
                c.call(AssembledGuest.IrqEnabled);
                c.@int(6);
                c.mov(eax, Scratch);
                c.call(AssembledGuest.IrqEnabled);

                // Shown by the frame of a trap: above its three words.
                c.push(edx);
                c.push(__dword_ptr[eax]);
                c.@int(6);
                c.add(esp, 8);
            },
            User = static c => c.@int(0x80),
            ExitsSaved = 0,
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.All(records.Where((_, i) => i % 3 == 2), static r => Assert.Equal([2 * (Scratch & 0xFF), 1], r[3..5]));
    }

    [Fact]
    public void The_pushed_interrupt_flag_is_the_guests_own()
    {
        var scene = new TrapScene
        {
            OnControl = static c => c.mov(__dword_ptr[AssembledGuest.IrqEnabled], 0),
            User = static c =>
            {
                c.@int((byte)TrapScene.Control);
                c.@int(0x80);
                c.@int(0x80);
            },
        };
        (List<uint[]> records, _) = scene.Play();
        Assert.Equal(0u, records[3][Flags] & 0x200);
        Assert.Equal(0u, records[4][Flags] & 0x200);
    }

    [Fact]
    public void An_interrupt_that_waits_during_the_handler_comes_right_after_its_iret()
    {
        const uint Timer = 32;
        var scene = new TrapScene
        {
            Gates = { [Timer] = 0x8E00 },
            OnSyscall = static c =>
            {
                Label skip = c.CreateLabel();
                Label wait = c.CreateLabel();

                // Only when the user says so: edi at pushad, the first word.
                c.cmp(__dword_ptr[esp], 0x77);
                c.jne(skip);
                c.Hypercall(HypercallNumbers.SetClockevent, 1);
                c.Label(ref wait);
                c.cmp(__dword_ptr[AssembledGuest.IrqPending], 0);
                c.je(wait);
                c.Label(ref skip);
                c.nop();
            },
            User = static c =>
            {
                c.mov(edi, 0x77);
                c.@int(0x80);
                c.nop();
                c.mov(edi, 0);
                c.@int(0x80);
            },
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.Equal([0x80u, 0x80, 0x80, 0x80, Timer, 0x80], records.Select(static r => r[Vector]));
        Assert.Equal(records[3][Eip], records[4][Eip]);
        Assert.Equal(0x73u, records[4][Cs]);
        Assert.Equal(AssembledGuest.TrapStack - 20, records[4][Esp]);
    }
}
