// Detects with a model of `multibox export WEIGHTS --format onnx --description model.json`, which selects its detections
// itself.
//
//     detect model.onnx model.json image [minimum score]
//
// Prints one line for each detection: class name, score, and the box in pixels of the image.

#include <onnxruntime_cxx_api.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <string>
#include <vector>

static int run(const std::string& model, const std::string& description, const std::string& file, float minimum) {
    const cv::FileStorage about(description, cv::FileStorage::READ | cv::FileStorage::FORMAT_JSON);
    cv::Mat image = cv::imread(file), input;
    if (image.empty() || !about.isOpened()) {
        std::fprintf(stderr, "detect: cannot read %s\n", (image.empty() ? file : description).c_str());
        return 1;
    }
    Ort::Env environment(ORT_LOGGING_LEVEL_ERROR, "detect");
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(1);
    Ort::Session session(environment, model.c_str(), options);

    const int height = about["input"]["height"], width = about["input"]["width"];
    cv::cvtColor(image, input, cv::COLOR_BGR2RGB);
    cv::resize(input, input, {width, height}, 0, 0, cv::INTER_LINEAR);
    const std::array<int64_t, 4> shape{1, height, width, 3};
    const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    const Ort::Value tensor = Ort::Value::CreateTensor<uint8_t>(memory, input.data, input.total() * input.elemSize(),
                                                                shape.data(), shape.size());
    const std::array<const char*, 1> inputs{"images"};
    const std::array<const char*, 3> outputs{"boxes", "scores", "labels"};
    const auto found = session.Run(Ort::RunOptions(), inputs.data(), &tensor, 1, outputs.data(), outputs.size());

    const float* box = found[0].GetTensorData<float>();
    const float* score = found[1].GetTensorData<float>();
    const int64_t* label = found[2].GetTensorData<int64_t>();
    const size_t rows = found[1].GetTensorTypeAndShapeInfo().GetElementCount();
    for (size_t i = 0; i < rows && label[i] >= 0 && score[i] >= minimum; ++i, box += 4) {
        const std::string name = about["class_names"][static_cast<int>(label[i])];
        std::printf("%s %.3f %.1f %.1f %.1f %.1f\n", name.c_str(), score[i], box[0] * image.cols, box[1] * image.rows,
                    box[2] * image.cols, box[3] * image.rows);
    }
    return 0;
}

int main(int count, char** words) try {
    if (count < 4) {
        std::fprintf(stderr, "usage: detect MODEL.onnx DESCRIPTION.json IMAGE [MINIMUM SCORE]\n");
        return 2;
    }
    return run(words[1], words[2], words[3], count > 4 ? std::strtof(words[4], nullptr) : 0.5f);
} catch (const std::exception& error) {
    std::fprintf(stderr, "detect: %s\n", error.what());
    return 1;
}
