using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Discover;
using Lguest.Jit.Translator.Tests.Rigs;
using Lguest.Jit.Translator.Trace;

namespace Lguest.Jit.Translator.Tests.Golden;

/// <summary>Guest code → IL → x64 code of one of <see cref="GoldenPrograms"/>, as the engine makes it.</summary>
/// <param name="Il">Guest instructions, and below each its IL.</param>
/// <param name="X64">Host code; empty on other Hosts.</param>
internal sealed record GoldenListing(string Il, string X64)
{
    /// <summary>High enough that the whole loop has been decoded when its first block is compiled.</summary>
    private const uint Threshold = 50;

    private const long Instructions = 20_000;

    public static GoldenListing Of(string program)
    {
        PrepareHelpers();
        using var compiled = new ManualResetEventSlim();
        var reader = new Reader(compiled);
        using var rig = new Rig(machine => new TieredEngine(machine, Threshold, probes: new EngineProbes { Compiler = reader }));
        rig.Write(Rig.Code, GoldenPrograms.Assemble(program));
        rig.Begin(Rig.Code);
        rig.Run(Instructions);
        Assert.True(compiled.Wait(Patience.Limit), $"{program}: the region at its beginning was not compiled; {((TieredEngine)rig.Engine).Queue?.Failure}");
        return reader.Result!;
    }

    /// <summary>
    /// RyuJIT calls a method that has not been compiled in another way than one that has, so have them all compiled first: the listing
    /// shall not depend on which tests ran before.
    /// </summary>
    private static void PrepareHelpers()
    {
        foreach (FieldInfo field in typeof(Emit.MethodNames).GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
        {
            if (field.GetValue(null) is MethodInfo method)
            {
                RuntimeHelpers.RunClassConstructor(method.DeclaringType!.TypeHandle);
                foreach (MethodBase neighbour in HostAddresses.Neighbours(method))
                {
                    RuntimeHelpers.PrepareMethod(neighbour.MethodHandle);
                }
            }
        }
    }

    /// <summary>Takes down the first region that begins where the program does.</summary>
    private sealed class Reader(ManualResetEventSlim done) : ICompileObserver
    {
        private readonly GuestDisassembly _guest = new(static _ => "");

        public GoldenListing? Result { get; private set; }

        public bool WantsIl(RegionPlan plan) => Result == null && plan.Blocks[0].Eip == Rig.Code;

        public void Compiled(CompiledRegion region, IlRecorder? il)
        {
            if (il == null)
            {
                return;
            }

            using var ilText = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
            IlListing.Write(ilText, region, il, _guest);
            using var x64Text = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
            if (MachineCode.IsSupported)
            {
                MachineCode code = MachineCode.Find(region.EntryPoint);
                x64Text.WriteLine($"; {code.Length} bytes");
                MachineCodeListing.Write(x64Text, region, code, IlListing.Methods(il));
            }

            Result = new GoldenListing(ilText.ToString(), x64Text.ToString());
            done.Set();
        }
    }
}
