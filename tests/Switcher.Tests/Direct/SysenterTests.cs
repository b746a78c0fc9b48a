using Iced.Intel;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Switcher.Tests.EndToEnd;
using Lguest.Jit.Translator;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Switcher.Tests.Direct;

/// <summary>SYSENTER and SYSEXIT (design §12.10), on both engines.</summary>
public sealed class SysenterTests
{
    private const uint Log = AssembledGuest.Log;
    private const uint KernelEntry = AssembledGuest.Handlers + 0x8100;
    private const uint EntryStack = AssembledGuest.TrapStack - 0x100;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void It_enters_the_kernel_with_interrupts_off_and_exit_goes_back(bool jit)
    {
        using AssembledGuest guest = Make(jit, sysenter: true);
        Boot(guest, static c => SetUp(c, 0x60));
        _ = guest.Place(KernelEntry, static c =>
        {
            c.mov(__dword_ptr[Log], esp);
            c.mov(eax, cs);
            c.mov(__dword_ptr[Log + 4], eax);
            c.mov(eax, ss);
            c.mov(__dword_ptr[Log + 8], eax);
            c.mov(eax, __dword_ptr[AssembledGuest.IrqEnabled]);
            c.mov(__dword_ptr[Log + 12], eax);
            c.inc(__dword_ptr[Log + 16]);
            c.sysexit();
        });
        _ = guest.Place(AssembledGuest.UserCode, static c =>
        {
            Label again = c.CreateLabel();
            c.mov(ebx, 500);
            c.Label(ref again);
            c.mov(ecx, esp);
            c.mov(edx, AssembledGuest.UserCode + 14);
            c.sysenter();
            c.dec(ebx);
            c.jne(again);
            c.mov(eax, cs);
            c.mov(ecx, ss);
            c.@int(9);
        });
        _ = guest.Place(AssembledGuest.HandlerOf(9), static c =>
        {
            c.mov(__dword_ptr[Log + 20], eax);
            c.mov(__dword_ptr[Log + 24], ecx);
            c.mov(eax, __dword_ptr[esp + 12]);
            c.mov(__dword_ptr[Log + 28], eax);
            c.ShutDown();
        });
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.Equal([EntryStack, 0x61u, 0x69, 0, 500, 0x73, 0x7B, AssembledGuest.UserStack], Enumerable.Range(0, 8).Select(i => guest[Log + 4u * (uint)i]));
    }

    /// <summary>What is the kernel's alone is within reach behind the one, and out of it again behind the other; within the kernel neither changes that.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Each_goes_to_the_pages_of_its_ring(bool jit)
    {
        const uint KernelsOwn = 0x00280000;
        using AssembledGuest guest = Make(jit, sysenter: true);
        Boot(guest, static c =>
        {
            SetUp(c, 0x60);
            c.LoadGate(14);
        });
        guest[KernelsOwn] = 0x1234;
        _ = guest.Place(KernelEntry, static c =>
        {
            Label nested = c.CreateLabel();
            c.mov(eax, __dword_ptr[KernelsOwn]);
            c.add(__dword_ptr[Log], eax);
            c.xor(ebp, 1);
            c.jne(nested);
            c.sysexit();
            c.Label(ref nested);
            c.sysenter();
        });
        _ = guest.Place(AssembledGuest.UserCode, static c =>
        {
            Label again = c.CreateLabel();
            c.mov(ebx, 50);
            c.xor(ebp, ebp);
            c.Label(ref again);
            c.mov(ecx, esp);
            c.mov(edx, AssembledGuest.UserCode + 16);
            c.sysenter();
            c.dec(ebx);
            c.jne(again);
            c.mov(eax, __dword_ptr[KernelsOwn]);
            c.@int(9);
        });
        _ = guest.Place(AssembledGuest.HandlerOf(14), static c =>
        {
            c.LogStack(Log + 4, 3);
            c.ShutDown();
        });
        _ = guest.Place(AssembledGuest.HandlerOf(9), static c => c.ShutDown());
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.Equal([100 * 0x1234u, 5u, AssembledGuest.UserCode + 19, 0x73], Enumerable.Range(0, 4).Select(i => guest[Log + 4 * (uint)i]));
    }

    /// <summary>An alignment check is the user's, and takes him to code that checks each access.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_alignment_check_that_the_kernel_turns_on_begins_behind_its_exit(bool jit)
    {
        using AssembledGuest guest = Make(jit, sysenter: true);
        Boot(guest, static c =>
        {
            SetUp(c, 0x60);
            c.LoadGate(17);
        });
        _ = guest.Place(KernelEntry, static c =>
        {
            c.pushfd();
            c.or(__dword_ptr[esp], 0x40000);
            c.popfd();
            c.mov(eax, __dword_ptr[AssembledGuest.Log + 0x41]);
            c.sysexit();
        });
        _ = guest.Place(AssembledGuest.UserCode, static c =>
        {
            c.mov(ecx, esp);
            c.mov(edx, AssembledGuest.UserCode + 9);
            c.sysenter();
            c.mov(eax, __dword_ptr[AssembledGuest.Log + 0x41]);
            c.@int(9);
        });
        _ = guest.Place(AssembledGuest.HandlerOf(17), static c =>
        {
            c.LogStack(Log, 3);
            c.ShutDown();
        });
        _ = guest.Place(AssembledGuest.HandlerOf(9), static c => c.ShutDown());
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.Equal([0u, AssembledGuest.UserCode + 9, 0x73], Enumerable.Range(0, 3).Select(i => guest[Log + 4 * (uint)i]));
    }

    /// <summary>A data segment that is not flat is looked at in the kernel as well, which keeps it.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_limit_of_the_users_holds_in_the_kernel(bool jit)
    {
        const uint Beyond = AssembledGuest.UserStack + 0x1000;
        using AssembledGuest guest = Make(jit, sysenter: true);
        Boot(guest, static c =>
        {
            SetUp(c, 0x60);
            c.LoadGate(13);
            c.Hypercall(HypercallNumbers.LoadGdtEntry, 20, Beyond >> 12, 0x00C0F200);
        });
        _ = guest.Place(KernelEntry, static c =>
        {
            c.mov(esi, __dword_ptr[esi]);
            c.sysexit();
        });
        _ = guest.Place(AssembledGuest.UserCode, static c =>
        {
            Label again = c.CreateLabel();
            c.mov(eax, (20 << 3) | 3);
            c.mov(es, eax);
            c.mov(ds, eax);
            c.mov(ebx, 3);
            c.Label(ref again);
            c.mov(esi, Beyond);
            c.mov(ecx, esp);
            c.mov(edx, AssembledGuest.UserCode + 28);
            c.sysenter();
            c.dec(ebx);
            c.jne(again);
            c.mov(esi, Beyond + 0x1000);
            c.mov(ecx, esp);
            c.sysenter();
        });
        _ = guest.Place(AssembledGuest.HandlerOf(13), static c =>
        {
            c.mov(eax, 0x7B);
            c.mov(ds, eax);
            c.mov(__dword_ptr[Log + 0x40], ebx);
            c.LogStack(Log, 3);
            c.ShutDown();
        });
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.Equal([0u, KernelEntry, 0x61], Enumerable.Range(0, 3).Select(i => guest[Log + 4 * (uint)i]));
        Assert.Equal(0u, guest[Log + 0x40]);
    }

    /// <summary>Entering stores to memory, and what is there may be code.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Code_made_of_irq_enabled_is_noticed_when_entering_clears_it(bool jit)
    {
        const uint IncEdxAndReturn = 0x9090C342;
        const uint Returns = 0xC3C3C3C3;
        const uint Loop = AssembledGuest.Handlers + 0x8000;
        using AssembledGuest guest = Make(jit, sysenter: true);
        _ = guest.Place(AssembledGuest.Entry, static c =>
        {
            c.Begin();
            SetUp(c, 0x60);
            c.mov(ebx, 10);
            c.xor(edx, edx);
            c.mov(esi, Log + 0x20);
            c.jmp(Loop);
        });
        _ = guest.Place(Loop, static c =>
        {
            c.mov(__dword_ptr[AssembledGuest.Blocked], Returns);
            c.mov(__dword_ptr[AssembledGuest.IrqEnabled], IncEdxAndReturn);
            c.mov(esp, AssembledGuest.Stack);
            c.call(AssembledGuest.IrqEnabled);
            c.mov(ebp, esp);
            c.sysenter();
        });
        _ = guest.Place(KernelEntry, static c =>
        {
            // Zeros: add [eax], al, twice.
            c.mov(eax, esi);
            c.mov(esp, ebp);
            c.call(AssembledGuest.IrqEnabled);
            c.dec(ebx);
            c.jne(Loop);
            c.mov(__dword_ptr[Log + 4], edx);
            c.ShutDown();
        });
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.Equal((10u, 10 * 2 * 0x20u & 0xFF), (guest[Log + 4], guest[Log + 0x20] & 0xFF));
    }

    /// <summary>Flags that were put off go through both untouched.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Status_flags_are_what_they_were(bool jit)
    {
        using AssembledGuest guest = Make(jit, sysenter: true);
        Boot(guest, static c => SetUp(c, 0x60));
        _ = guest.Place(KernelEntry, static c =>
        {
            c.pushfd();
            c.pop(__dword_ptr[Log]);
            c.cmp(ecx, -1);
            c.sysexit();
        });
        _ = guest.Place(AssembledGuest.UserCode, static c =>
        {
            c.mov(ecx, esp);
            c.mov(edx, AssembledGuest.UserCode + 16);
            c.mov(eax, 0x80);
            c.add(al, al);
            c.sysenter();
        });
        _ = guest.Place(AssembledGuest.UserCode + 16, static c =>
        {
            c.inc(eax);
            c.pushfd();
            c.pop(eax);
            c.@int(9);
        });
        _ = guest.Place(AssembledGuest.HandlerOf(9), static c =>
        {
            c.mov(__dword_ptr[Log + 4], eax);
            c.ShutDown();
        });
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.Equal((0x845u, 0x001u), (guest[Log] & 0x8D5, guest[Log + 4] & 0x8D5));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Cpuid_says_so_only_if_it_was_asked_for(bool sysenter)
    {
        using AssembledGuest guest = Make(jit: false, sysenter);
        _ = guest.Place(AssembledGuest.Entry, static c =>
        {
            c.Begin();
            c.mov(eax, 1);
            c.cpuid();
            c.mov(__dword_ptr[Log], edx);
            c.ShutDown();
        });
        _ = guest.Run();
        Assert.Equal(sysenter ? 1u : 0, (guest[Log] >> 11) & 1);
    }

    [Theory]
    [InlineData("without the option, sysenter", false, 0x60u, "0F 34")]
    [InlineData("without a code segment, sysenter", true, 0u, "0F 34")]
    [InlineData("with a code segment of no index, sysenter", true, 3u, "0F 34")]
    [InlineData("from ring 3, sysexit", true, 0x60u, "0F 35")]
    [InlineData("from ring 3, wrmsr", true, 0x60u, "0F 30")]
    [InlineData("from ring 3, rdmsr", true, 0x60u, "0F 32")]
    public void It_is_a_general_protection_fault(string when, bool sysenter, uint codeSegment, string code)
    {
        foreach (bool jit in new[] { false, true })
        {
            FaultsInTheUser(jit, when, sysenter, codeSegment, code);
        }
    }

    private static void FaultsInTheUser(bool jit, string when, bool sysenter, uint codeSegment, string code)
    {
        using AssembledGuest guest = Make(jit, sysenter);
        Boot(guest, c =>
        {
            c.LoadGate(13);
            if (sysenter)
            {
                SetUp(c, codeSegment);
            }
        });
        _ = guest.Place(KernelEntry, static c => c.ShutDown());
        _ = guest.Place(AssembledGuest.UserCode, c =>
        {
            c.mov(ecx, 0x174);
            c.db(Convert.FromHexString(code.Replace(" ", "", StringComparison.Ordinal)));
        });
        _ = guest.Place(AssembledGuest.HandlerOf(13), static c =>
        {
            c.LogStack(Log, 3);
            c.ShutDown();
        });
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.Equal((when, 0u, AssembledGuest.UserCode + 5), (when, guest[Log], guest[Log + 4]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Without_a_code_segment_there_is_no_exit_either(bool jit)
    {
        using AssembledGuest guest = Make(jit, sysenter: true);
        _ = guest.Place(AssembledGuest.Entry, static c =>
        {
            c.Begin();
            c.LoadGate(13);
            SetUp(c, 0);
            c.mov(edx, AssembledGuest.UserCode);
            c.mov(ecx, AssembledGuest.UserStack);
            c.jmp(KernelEntry);
        });
        _ = guest.Place(KernelEntry, static c => c.sysexit());
        _ = guest.Place(AssembledGuest.HandlerOf(13), static c =>
        {
            c.LogStack(Log, 3);
            c.ShutDown();
        });
        _ = guest.Place(AssembledGuest.UserCode, static c => c.ud2());
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.Equal([0u, KernelEntry, 0x61], Enumerable.Range(0, 3).Select(i => guest[Log + 4 * (uint)i]));
    }

    /// <summary>Before LGUEST_INIT nobody knows where the interrupt flag is, which entering has to clear.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Before_init_it_is_a_fault(bool jit)
    {
        using AssembledGuest guest = Make(jit, sysenter: true);
        _ = guest.Place(AssembledGuest.Entry, static c =>
        {
            SetUp(c, 0x60);
            c.sysenter();
        });
        _ = guest.Place(KernelEntry, static c => c.ud2());
        Assert.StartsWith("unhandled trap 13", guest.Run().Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_single_stepped_program_is_stepped_behind_both(bool jit)
    {
        using AssembledGuest guest = Make(jit, sysenter: true);
        Boot(guest, static c =>
        {
            c.LoadGate(1);
            SetUp(c, 0x60);
        });
        _ = guest.Place(KernelEntry, static c =>
        {
            c.nop();
            c.sysexit();
        });
        _ = guest.Place(AssembledGuest.UserCode, static c =>
        {
            c.mov(ecx, esp);
            c.mov(edx, AssembledGuest.UserCode + 0x40);
            c.pushfd();
            c.or(__dword_ptr[esp], 0x100);
            c.popfd();
            c.sysenter();
        });
        _ = guest.Place(AssembledGuest.UserCode + 0x40, static c =>
        {
            c.nop();
            c.@int(9);
        });

        // On a stack of its own in ring 1, so as not to meet what sysenter loads.
        _ = guest.Place(AssembledGuest.HandlerOf(1), static c =>
        {
            c.mov(edi, __dword_ptr[Log + 0x40]);
            c.mov(esi, __dword_ptr[esp]);
            c.mov(__dword_ptr[edi * 4 + Log], esi);
            c.inc(__dword_ptr[Log + 0x40]);
            c.iretd();
        });
        _ = guest.Place(AssembledGuest.HandlerOf(9), static c => c.ShutDown());
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.Equal(
            [KernelEntry, KernelEntry + 1, AssembledGuest.UserCode + 0x40, AssembledGuest.UserCode + 0x41, 0],
            Enumerable.Range(0, 5).Select(i => guest[Log + 4 * (uint)i]));
    }

    /// <summary>What is not among the three stays a fault, as Linux expects of the registers that it tries.</summary>
    [Fact]
    public void Other_model_specific_registers_stay_out_of_reach()
    {
        using AssembledGuest guest = Make(jit: false, sysenter: true);
        _ = guest.Place(AssembledGuest.Entry, static c =>
        {
            c.Begin();
            c.LoadGate(13);
            SetUp(c, 0x60);
            c.mov(ecx, 0x176);
            c.rdmsr();
            c.mov(__dword_ptr[Log + 0x20], eax);
            c.mov(ecx, 0x570);
            c.rdmsr();
        });
        _ = guest.Place(AssembledGuest.HandlerOf(13), static c => c.ShutDown());
        Assert.Equal("CRASH: the end", guest.Run().Message);
        Assert.Equal(KernelEntry, guest[Log + 0x20]);
        Assert.Equal(1, guest.Statistics.TrapsByVector[13]);
    }

    private static AssembledGuest Make(bool jit, bool sysenter) =>
        new(new GuestOptions { Sysenter = sysenter }, machine => jit ? new TieredEngine(machine, threshold: 0) : new InterpreterEngine(machine));

    private static void Boot(AssembledGuest guest, Action<Assembler> prepare) =>
        _ = guest.Place(AssembledGuest.Entry, c =>
        {
            c.Begin();
            c.TurnPagingOn();
            prepare(c);
            c.LoadGate(9, 0xEF00);
            c.mov(__dword_ptr[AssembledGuest.IrqEnabled], 0x202);
            c.PrepareUserMode();
            c.PushUserFrame();
            c.iretd();
        });

    private static void SetUp(Assembler c, uint codeSegment)
    {
        foreach ((uint number, uint value) in new[] { (0x174u, codeSegment), (0x175u, EntryStack), (0x176u, KernelEntry) })
        {
            c.mov(ecx, number);
            c.mov(eax, value);
            c.xor(edx, edx);
            c.wrmsr();
        }
    }
}
