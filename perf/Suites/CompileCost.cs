using BenchmarkDotNet.Attributes;
using Iced.Intel;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Guests.Programs;
using Lguest.Jit.Launcher.Tour;
using Lguest.Jit.Translator;
using Lguest.Jit.Translator.Discover;
using Lguest.Jit.Translator.Emit;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Perf.Suites;

/// <summary>What it costs to make a block or a region runnable: decoded for the interpreter, planned and compiled for the translator.</summary>
public unsafe class CompileCost
{
    private readonly Optimisations _optimisations = new();
    private readonly List<uint> _blocks = [];
    private BenchGuest? _guest;
    private BlockCache? _cache;
    private RegionFinder? _finder;
    private RegionPlan? _plan;

    /// <summary>Blocks × instructions of each.</summary>
    [Params("1x4", "1x16", "1x100", "8x8", "40x8")]
    public string Shape { get; set; } = "";

    [GlobalSetup]
    public void SetUp()
    {
        int[] shape = [.. Shape.Split('x').Select(int.Parse)];
        _guest = new BenchGuest(EngineKind.Interpreter);
        _guest.Place(new GuestLoop(1, b => EmitBlocks(b, shape[0], shape[1])));
        _cache = ((InterpreterEngine)_guest.Engine).Cache;
        _finder = new RegionFinder(_guest.Machine, _cache, _optimisations);
        Decode();
        _plan = _finder.Find(0) ?? throw new InvalidOperationException("The translator does not want this code.");
        if (_plan.Blocks.Count != shape[0])
        {
            throw new InvalidOperationException($"A region of {_plan.Blocks.Count} blocks, not {shape[0]}.");
        }
    }

    [GlobalCleanup]
    public void CleanUp() => _guest?.Dispose();

    /// <summary>The interpreter: what is known of the code is forgotten, and all of it decoded anew.</summary>
    [Benchmark(Baseline = true)]
    public void Decode()
    {
        _cache!.NotifyWrite(ProgramLayout.Code, ProgramLayout.Data - ProgramLayout.Code);
        foreach (uint block in _blocks)
        {
            _guest!.Cpu->Eip = block;
            if (_cache.Find() == null)
            {
                throw new InvalidOperationException($"Nothing to decode at {block:x}.");
            }
        }

        _guest!.Cpu->Eip = _blocks[0];
    }

    /// <summary>The translator on the Guest thread: which blocks go together.</summary>
    [Benchmark]
    public object? Plan() => _finder!.Find(0);

    /// <summary>The translator on its own thread: IL, and machine code.</summary>
    [Benchmark]
    public long Compile()
    {
        using var region = RegionCompiler.Compile(_plan!, _optimisations);
        return region.EntryPoint;
    }

    /// <summary>Blocks with something of everything in them, in a ring with shortcuts.</summary>
    private CodeLabel EmitBlocks(CodeBuilder b, int blocks, int instructions)
    {
        Assembler c = b.Asm;
        CodeLabel[] labels = [.. Enumerable.Range(0, blocks).Select(_ => b.NewLabel())];
        for (int block = 0; block < blocks; block++)
        {
            b.Mark(labels[block]);
            for (int i = 0; i < instructions - 1; i++)
            {
                Emit(c, (block + i) % 8);
            }

            if (block + 1 < blocks)
            {
                c.AddInstruction(Instruction.CreateBranch(Code.Jb_rel32_32, labels[(block * 7 + 3) % blocks].Value.Id));
            }
            else
            {
                c.AddInstruction(Instruction.CreateBranch(Code.Jmp_rel32_32, labels[0].Value.Id));
            }
        }

        _blocks.Clear();
        _blocks.AddRange(labels.Select(b.AddressOf));
        return labels[0];
    }

    private static void Emit(Assembler c, int kind)
    {
        switch (kind)
        {
            case 0:
                c.mov(eax, __dword_ptr[ebx + 8]);
                break;
            case 1:
                c.add(eax, ecx);
                break;
            case 2:
                c.lea(edx, __[ecx + eax * 4]);
                break;
            case 3:
                c.mov(__dword_ptr[ebx + 12], edx);
                break;
            case 4:
                c.shl(edx, 3);
                break;
            case 5:
                c.movzx(esi, __byte_ptr[ebx + 1]);
                break;
            case 6:
                c.xor(edi, esi);
                break;
            default:
                c.cmp(edi, eax);
                break;
        }
    }
}
