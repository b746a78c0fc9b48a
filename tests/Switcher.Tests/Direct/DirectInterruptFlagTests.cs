using Iced.Intel;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Switcher.Tests.EndToEnd;
using Lguest.Jit.Translator;
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

    /// <summary>
    /// Wherever <c>lguest_data</c> lies, the frame and irq_enabled are as the Switcher makes them; but only where irq_enabled and cr2 are in one
    /// aligned piece does anybody else touch them, for there is one mark for the code that may be beside them.
    /// </summary>
    [Theory]
    [InlineData(0u, true)]
    [InlineData(52u, true)]
    [InlineData(56u, false)]
    [InlineData(60u, false)]
    [InlineData(2u, false)]
    [InlineData(51u, false)]
    public unsafe void Data_across_two_lines_are_the_switchers(uint offset, bool direct)
    {
        const uint At = AssembledGuest.Data + 0x800;
        foreach (bool jit in new[] { false, true })
        {
            using var guest = new AssembledGuest(null, machine => jit ? new TieredEngine(machine, threshold: 0) : new InterpreterEngine(machine));
            uint data = At + offset;
            for (uint slot = 0; slot < AsyncRing.Size; slot += 4)
            {
                guest[data + LguestData.HcallStatus + slot] = uint.MaxValue;
            }

            guest[data + LguestData.KernelAddress] = 0xC0000000;
            guest[data + LguestData.SyscallVec] = 0x80;
            _ = guest.Place(AssembledGuest.Entry, c =>
            {
                c.Hypercall(HypercallNumbers.LguestInit, data);
                c.mov(esp, AssembledGuest.Stack);
                c.LoadGate(3, 0xEE00);
                c.LoadGate(InvalidOpcode);
                for (int i = 0; i < 3; i++)
                {
                    c.mov(__dword_ptr[data + LguestData.IrqEnabled], 0x200);
                    c.int3();
                    c.mov(__dword_ptr[data + LguestData.IrqEnabled], 0x200);
                    c.ud2();
                }

                c.ShutDown();
            });
            foreach (uint vector in new uint[] { 3, InvalidOpcode })
            {
                _ = guest.Place(AssembledGuest.HandlerOf(vector), c =>
                {
                    c.mov(eax, __dword_ptr[esp + 8]);
                    c.add(__dword_ptr[AssembledGuest.Log + 8 * vector], eax);
                    c.mov(eax, __dword_ptr[data + LguestData.IrqEnabled]);
                    c.add(__dword_ptr[AssembledGuest.Log + 8 * vector + 4], eax);
                    if (vector == InvalidOpcode)
                    {
                        c.add(__dword_ptr[esp], 2);
                    }

                    c.iretd();
                });
            }

            Assert.Equal("CRASH: the end", guest.Run().Message);
            foreach (uint vector in new uint[] { 3, InvalidOpcode })
            {
                Assert.Equal((3u * 0x200, 0u), (guest[AssembledGuest.Log + 8 * vector] & 0xF00, guest[AssembledGuest.Log + 8 * vector + 4]));
                Assert.Equal(3, guest.Statistics.TrapsByVector[(int)vector]);
            }

            Assert.Equal(direct, guest.Cpu->Direct.IrqEnabled != null);
            Assert.Equal(direct, guest.Cpu->Direct.Cr2 != null);
        }
    }
}
