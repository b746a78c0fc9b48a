using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Interpreter.ControlFlow;
using Lguest.Jit.Core.State;
using Lguest.Jit.Launcher.Tour;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Tests.Rigs;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.Tests.Cache;

/// <summary>
/// Returns go along the link that the call has left word of, and to where the Guest's stack says, whatever has become of stack, caller and callee since.
/// </summary>
public sealed unsafe class ReturnLinkTests
{
    private const uint Data = 0x100000;
    private const uint Function = Rig.Code + 0x3000;

    /// <summary>As far apart as places for words of return addresses repeat.</summary>
    private const int OneRound = (int)ReturnLinks.PlaceMask + 4;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_return_fills_the_link_of_its_call_and_goes_along_it(bool linked)
    {
        uint site = 0;
        using Rig rig = Run(
            b =>
            {
                CodeLabel behind = b.NewLabel();
                b.Asm.mov(ecx, 1000);
                CodeLabel top = b.Here();
                b.Asm.call(Function);
                b.Mark(behind);
                b.Asm.dec(ecx);
                b.Asm.jnz(top.Value);
                b.Asm.int3();
                site = b.AddressOf(behind);
            },
            Return,
            alone => alone with { ReturnLinks = linked });

        // Nobody else has a link to there: the block before ends with the call.
        IEnumerable<nint> links = Regions(rig).SelectMany(static region => region.Links).Where(link => ((BlockLink*)link)->Eip == site);
        Assert.Equal(linked, links.Any(link => Regions(rig).Any(region => region.EntryPoint == (nint)((BlockLink*)link)->Handler)));
        Assert.All(links, static link => Assert.Equal(BlockLink.Translated | (uint)CpuMode.None, ((BlockLink*)link)->Owner));
    }

    [Fact]
    public void A_return_address_that_has_been_changed_is_where_it_goes()
    {
        using Rig rig = Run(
            static b =>
            {
                CodeLabel other = b.NewLabel();
                CodeLabel on = b.NewLabel();
                b.Asm.mov(ecx, 1000);
                CodeLabel top = b.Here();
                b.Asm.mov(edi, b.AddressOf(other));
                b.Asm.call(Function);
                b.Asm.inc(ebx);
                b.Asm.jmp(on.Value);
                b.Mark(other);
                b.Asm.inc(edx);
                b.Mark(on);
                b.Asm.dec(ecx);
                b.Asm.jnz(top.Value);
                b.Asm.int3();
            },
            static b =>
            {
                // One time in four to somewhere else.
                CodeLabel as_usual = b.NewLabel();
                b.Asm.test(ecx, 3);
                b.Asm.jnz(as_usual.Value);
                b.Asm.mov(__dword_ptr[esp], edi);
                b.Mark(as_usual);
                b.Asm.ret();
            });
        Assert.Equal((750u, 250u), (rig.Cpu->Gpr[Reg.Ebx], rig.Cpu->Gpr[Reg.Edx]));
    }

    [Fact]
    public void Stacks_whose_places_are_the_same_take_turns()
    {
        // Two threads of control, each in the middle of a call when the other one runs.
        using Rig rig = Run(
            static b =>
            {
                CodeLabel second = b.NewLabel();
                b.Asm.mov(ecx, 1000);
                b.Asm.mov(edi, (int)Rig.StackTop - OneRound);
                b.Asm.mov(__dword_ptr[edi - 4], b.AddressOf(second));
                b.Asm.sub(edi, 4);
                CodeLabel first = b.Here();
                b.Asm.add(ebx, 1);
                b.Asm.call(Function);
                b.Asm.dec(ecx);
                b.Asm.jnz(first.Value);
                b.Asm.int3();
                b.Mark(second);
                b.Asm.add(edx, 3);
                b.Asm.call(Function);
                b.Asm.jmp(second.Value);
            },
            static b =>
            {
                b.Asm.xchg(esp, edi);
                b.Asm.ret();
            });
        Assert.Equal((1000u, 3000u), (rig.Cpu->Gpr[Reg.Ebx], rig.Cpu->Gpr[Reg.Edx]));
    }

    [Fact]
    public void A_callee_that_rewrites_its_caller_returns_to_what_is_there_now()
    {
        using Rig rig = Run(
            static b =>
            {
                CodeLabel behind = b.NewLabel();
                b.Asm.mov(ecx, 300);
                CodeLabel top = b.Here();
                b.Asm.mov(edi, b.AddressOf(behind) + 1);
                b.Asm.call(Function);
                b.Mark(behind);
                b.Asm.add(eax, 0x12345678);
                b.Asm.dec(ecx);
                b.Asm.jnz(top.Value);
                b.Asm.int3();
            },
            static b =>
            {
                b.Asm.mov(__dword_ptr[edi], ecx);
                b.Asm.ret();
            });
        Assert.Equal(300u * 301 / 2, rig.Cpu->Gpr[Reg.Eax]);
    }

    [Fact]
    public void A_caller_whose_page_is_mapped_elsewhere_during_the_call_is_returned_to_there()
    {
        using var rig = new Rig(static machine => new TieredEngine(machine, 0, optimisations: Alone()));
        PagedRig.TurnOn(rig);
        rig.Write(Function, CodeBuilder.Assemble(Function, static b =>
        {
            b.Asm.inc(edx);
            b.Asm.int3();
            b.Asm.ret();
        }));
        foreach ((uint frame, int add) in new[] { (0x200000u, 1), (0x201000u, 100) })
        {
            rig.Write(frame, CodeBuilder.Assemble(PagedRig.Alias, b =>
            {
                CodeLabel top = b.Here();
                b.Asm.call(Function);
                b.Asm.add(eax, add);
                b.Asm.jmp(top.Value);
            }));
        }

        PagedRig.Map(rig, PagedRig.Alias, 0x200000);
        rig.Begin(PagedRig.Alias);
        for (uint round = 1; round <= 40; round++)
        {
            Assert.Equal(ExitReason.SoftwareInterrupt, rig.Run());
            Assert.Equal(round, rig.Cpu->Gpr[Reg.Edx]);
            PagedRig.Map(rig, PagedRig.Alias, round % 2 == 0 ? 0x200000u : 0x201000u);
            rig.Cpu->Eip++;
        }

        // The first return is to the second frame, and so on in turn; the last is still to come.
        Assert.Equal((20u * 100) + 19, rig.Cpu->Gpr[Reg.Eax]);
    }

    [Fact]
    public void Callers_that_are_evicted_during_their_calls_are_found_again()
    {
        // Functions that call each other up to 120 deep, in a cache for a few dozen regions: nearly every return is to a region that has been freed.
        const int Functions = 120;
        const uint Apart = 0x40;
        void Write(Rig rig)
        {
            rig.Write(Rig.Code, CodeBuilder.Assemble(Rig.Code, static b =>
            {
                b.Asm.mov(ecx, 50);
                CodeLabel top = b.Here();
                b.Asm.call(Function);
                b.Asm.dec(ecx);
                b.Asm.jnz(top.Value);
                b.Asm.int3();
            }));
            for (uint i = 0; i < Functions; i++)
            {
                uint here = Function + (i * Apart);
                rig.Write(here, CodeBuilder.Assemble(here, b =>
                {
                    if (i < Functions - 1)
                    {
                        b.Asm.call(here + Apart);
                    }

                    b.Asm.imul(eax, eax, 33);
                    b.Asm.add(eax, (int)i);
                    b.Asm.add(eax, ecx);
                    b.Asm.ret();
                }));
            }
        }

        using var rig = new Rig(static machine => new TieredEngine(machine, 0, codeCache: 200_000, optimisations: Alone()));
        using var oracle = new Rig(static machine => new InterpreterEngine(machine));
        Write(rig);
        Write(oracle);
        Assert.Equal(oracle.State(oracle.Run()), rig.State(rig.Run()));
        Assert.True(((TieredEngine)rig.Engine).Regions.Evicted > 1000);
    }

    private static Optimisations Alone() => new() { CallsInRegions = false, RegionLimit = 1 };

    private static CompiledRegion[] Regions(Rig rig) => [.. ((TieredEngine)rig.Engine).Regions.All];

    private static void Return(CodeBuilder b) => b.Asm.ret();

    /// <summary>Runs a program and the function that it calls, each block a region of its own; it ends as it does when interpreted.</summary>
    private static Rig Run(Action<CodeBuilder> program, Action<CodeBuilder> function, Func<Optimisations, Optimisations>? change = null)
    {
        Optimisations optimisations = change == null ? Alone() : change(Alone());
        var rig = new Rig(machine => new TieredEngine(machine, 0, optimisations: optimisations));
        using var oracle = new Rig(static machine => new InterpreterEngine(machine));
        foreach (Rig one in new[] { rig, oracle })
        {
            one.Write(Rig.Code, CodeBuilder.Assemble(Rig.Code, program));
            one.Write(Function, CodeBuilder.Assemble(Function, function));
        }

        Assert.Equal(oracle.State(oracle.Run()), rig.State(rig.Run()));
        Assert.Equal(oracle.Memory(Data, 0x1000), rig.Memory(Data, 0x1000));
        return rig;
    }
}
