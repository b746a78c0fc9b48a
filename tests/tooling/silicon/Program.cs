using Lguest.Jit.Core.Tests.Silicon.Forms;
using Lguest.Jit.Core.Tests.Silicon.Recording;

namespace Lguest.Jit.Silicon;

/// <summary>Records what silicon says: see README.md.</summary>
internal static class Program
{
    private static int Main(string[] arguments)
    {
        if (arguments.Length is < 2 or > 3)
        {
            Console.Error.WriteLine("usage: silicon <oracle> <data directory> [<group>]");
            return 2;
        }

        using var oracle = new Oracle(arguments[0]);
        Console.WriteLine(oracle.Processor);
        long total = 0;
        int vectors = 0;
        int forms = 0;
        foreach (SiliconGroup group in SiliconGroups.All.Where(group => arguments.Length < 3 || group.Name == arguments[2]))
        {
            var file = new SiliconFile { Processor = oracle.Processor };
            int recorded = 0;
            foreach (SiliconForm form in group.Forms)
            {
                SiliconOutcome[] outcomes = Ask(oracle, form);
                file.Add(form, outcomes);
                recorded += outcomes.Length;
            }

            string path = Path.Combine(arguments[1], $"{group.Name}.bin");
            using (FileStream stream = File.Create(path))
            {
                file.Save(stream);
            }

            Verify(oracle, group, path);
            long size = new FileInfo(path).Length;
            Console.WriteLine($"{group.Name,-16} {group.Forms.Count,5} forms {recorded,8} vectors {size,9} bytes");
            total += size;
            vectors += recorded;
            forms += group.Forms.Count;
        }

        Console.WriteLine($"{"total",-16} {forms,5} forms {vectors,8} vectors {total,9} bytes");
        return 0;
    }

    private static SiliconOutcome[] Ask(Oracle oracle, SiliconForm form)
    {
        try
        {
            return oracle.Ask(form);
        }
        catch (EndOfStreamException)
        {
            throw new InvalidDataException($"The oracle died over '{form.Name}'.");
        }
    }

    /// <summary>Reads the file back and asks again: what is packed must unpack, and silicon must not change its mind.</summary>
    private static void Verify(Oracle oracle, SiliconGroup group, string path)
    {
        using FileStream stream = File.OpenRead(path);
        SiliconFile file = SiliconFile.Load(stream);
        foreach (SiliconForm form in group.Forms)
        {
            SiliconEncoding[] encodings = form.Encodings();
            SiliconOutcome[] stored = file.Read(form, OutcomePacker.Inputs(form, encodings));
            SiliconOutcome[] again = oracle.Ask(form);
            for (int i = 0; i < stored.Length; i++)
            {
                if (!Same(stored[i], again[i]))
                {
                    throw new InvalidDataException(
                        $"'{form.Name}', vector {i} ({Convert.ToHexString(encodings[form.VariantOf(i)].Code)}): a second answer differs from the first.");
                }
            }
        }
    }

    private static bool Same(SiliconOutcome one, SiliconOutcome other) =>
        one.Vector == other.Vector && one.Error == other.Error && one.Stop == other.Stop && one.Eflags == other.Eflags
        && one.Gpr.AsSpan().SequenceEqual(other.Gpr) && one.Window.AsSpan().SequenceEqual(other.Window);
}
